//go:build unix && !race

package near

const raceEnabled = false
