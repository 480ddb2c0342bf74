//go:build unix && race

package near

// raceEnabled: the proxy is built with the race detector, too. It is slower, and its memory has no meaning.
const raceEnabled = true
