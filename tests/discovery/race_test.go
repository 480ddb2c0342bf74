//go:build unix && race

package discovery

// raceEnabled: the proxy is built with the race detector, too. It is slower, and its memory has no meaning.
const raceEnabled = true
