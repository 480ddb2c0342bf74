//go:build unix && race

package difftest

// raceEnabled: the test is built with the race detector, so the proxy is too. Memory bounds do not hold then.
const raceEnabled = true
