module labkit/node/pause

go 1.26.0
