//go:build unix && !race

package cluster

const raceEnabled = false
