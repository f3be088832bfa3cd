"""How results look: text, HTML, progress. Calls no outside tool."""
