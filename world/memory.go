package world

import (
	"math"
	"os"
	"runtime"
	"runtime/debug"
	"runtime/metrics"

	"github.com/KimMachineGun/automemlimit/memlimit"
)

// machineMemory is the Machine's Memory.
type machineMemory struct{}

// MachineBytes implements Memory: its control group's limit or the machine's memory.
func (machineMemory) MachineBytes() uint64 {
	least := uint64(math.MaxInt64)
	for _, from := range []func() (uint64, error){memlimit.FromCgroup, memlimit.FromSystem} {
		if n, err := from(); err == nil && n > 0 {
			least = min(least, n)
		}
	}
	return least
}

// HeapBytes implements Memory.
func (machineMemory) HeapBytes() uint64 {
	s := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}}
	metrics.Read(s)
	return s[0].Value.Uint64()
}

// Collect implements Memory.
func (machineMemory) Collect() { runtime.GC() }

// LimitHeap implements Memory.
func (machineMemory) LimitHeap(bytes int) {
	if os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(int64(bytes))
	}
}

// Held implements Memory.
func (machineMemory) Held() (bytes, collections uint64) {
	s := []metrics.Sample{
		{Name: "/memory/classes/heap/free:bytes"},
		{Name: "/memory/classes/heap/objects:bytes"},
		{Name: "/memory/classes/heap/unused:bytes"},
		{Name: "/gc/cycles/total:gc-cycles"},
	}
	metrics.Read(s)
	return s[0].Value.Uint64() + s[1].Value.Uint64() + s[2].Value.Uint64(), s[3].Value.Uint64()
}

// GiveBack implements Memory.
func (machineMemory) GiveBack() { debug.FreeOSMemory() }
