"""How exercises are judged: what a task demands, as data, and how a check sees from outside whether it is met."""
