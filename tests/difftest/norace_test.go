//go:build unix && !race

package difftest

const raceEnabled = false
