module labkit/sampleapp

go 1.26.0
