// Package worldtest has the World of tests.
package worldtest

import (
	"time"

	"cashew/world"
)

// Machine is the machine as a synctest bubble has it: the clock that a world.Machine reads is not the bubble's.
type Machine struct {
	*world.Machine
	began time.Time
}

// New returns a Machine that began at some time, which need not be in a bubble.
func New(began time.Time) *Machine { return &Machine{Machine: world.New(began), began: began} }

// Nanos implements world.Clock.
func (m *Machine) Nanos() int64 { return int64(time.Since(m.began)) }
