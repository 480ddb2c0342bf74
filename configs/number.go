package configs

import (
	"math"
	"math/bits"
	"strconv"
	"strings"
)

// parseNumber reads a number as twemproxy does: digits only, no sign, no spaces. ok is false for anything else and for a
// number whose int32 would be negative. A number beyond 32 bits wraps: 4294967297 is 1 (see wraps).
//
// Source: twemproxy 0.5.0 nc_util.c, _nc_atoi.
func parseNumber(s string) (n int, ok bool) {
	if s == "" {
		return 0, false
	}
	var v uint32
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return 0, false
		}
		v = v*10 + uint32(s[i]-'0')
	}
	if v > math.MaxInt32 {
		return 0, false
	}
	return int(v), true
}

// wraps says whether s, which parseNumber took, means another number than the one it spells.
func wraps(s string) bool {
	_, err := strconv.ParseInt(s, 10, 32)
	return err != nil
}

// byteUnits are redis.conf's: k is 1000, kb is 1024.
var byteUnits = map[string]int64{
	"": 1, "b": 1,
	"k": 1000, "kb": 1 << 10,
	"m": 1000 * 1000, "mb": 1 << 20,
	"g": 1000 * 1000 * 1000, "gb": 1 << 30,
}

// parseBytes reads a size such as 65536, 64kb or 1GB.
func parseBytes(s string) (n int64, ok bool) {
	digits := strings.TrimRight(s, "bgkmBGKM")
	unit, ok := byteUnits[strings.ToLower(s[len(digits):])]
	if !ok {
		return 0, false
	}
	v, err := strconv.ParseUint(digits, 10, 32)
	return int64(v) * unit, err == nil
}

// parsePlain reads digits that stand for themselves.
func parsePlain(s string) (n int64, ok bool) {
	v, err := strconv.ParseUint(s, 10, 32)
	return int64(v), err == nil
}

// ceilPowerOfTwo returns the smallest power of two that is at least n, which is positive.
func ceilPowerOfTwo(n int) int { return 1 << bits.Len(uint(n-1)) }
