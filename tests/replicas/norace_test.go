//go:build unix && !race

package replicas

const raceEnabled = false
