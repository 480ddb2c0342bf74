//go:build race

package sim

// underRace is whether the race detector runs: it makes the product ten times as slow, and has one goroutine to look at.
const underRace = true
