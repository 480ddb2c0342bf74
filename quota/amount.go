package quota

import (
	"strconv"
	"strings"
)

// maxAmount is what a rule may allow a second, and at once: a TiB, or that many requests.
const maxAmount = 1 << 40

// units are redis.conf's: k is 1000, kb is 1024.
var units = map[string]int64{
	"": 1, "b": 1,
	"k": 1000, "kb": 1 << 10,
	"m": 1000 * 1000, "mb": 1 << 20,
	"g": 1000 * 1000 * 1000, "gb": 1 << 30,
}

// amount sets a number such as 1000, 10k or 10mb.
func amount(of func(*Rule) *int64) func(*Rule, string) string {
	return func(r *Rule, value string) string {
		digits := strings.TrimRight(value, "bgkmBGKM")
		unit := units[strings.ToLower(value[len(digits):])]
		n, err := strconv.ParseInt(digits, 10, 64)
		if err != nil || unit == 0 || digits[0] == '+' {
			return "is no number, such as 1000 or 10mb"
		}
		if n <= 0 || n > maxAmount/unit {
			return "is out of range: from 1 to " + strconv.Itoa(maxAmount)
		}
		*of(r) = n * unit
		return ""
	}
}

// shown is the text of an amount that is not 0.
func shown(of func(*Rule) int64) func(*Rule) string {
	return func(r *Rule) string {
		if n := of(r); n != 0 {
			return strconv.FormatInt(n, 10)
		}
		return ""
	}
}

// unless is the text of an amount that is not its default.
func unless(of func(*Rule) (n, byDefault int64)) func(*Rule) string {
	return func(r *Rule) string {
		if n, byDefault := of(r); n != byDefault {
			return strconv.FormatInt(n, 10)
		}
		return ""
	}
}
