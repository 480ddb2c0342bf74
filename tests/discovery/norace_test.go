//go:build unix && !race

package discovery

const raceEnabled = false
