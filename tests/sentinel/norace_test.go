//go:build unix && !race

package sentinel

const raceEnabled = false
