//go:build unix

package difftest

import (
	"encoding/base64"
	"fmt"
	"math/rand/v2"
	"strings"
)

// mcTemplates are the sentences of random streams. A word with a percent sign is replaced:
//
//	%k  a key of a few        %n  a key with a number of ten digits, which decr does not shorten (the server
//	%K  keys, 1 to 40             pads a number in place, or not, by what else it does at the moment)
//	%e  an expiry             %d  a delta        %f  flags     %o  an opaque
//	%v  at the end of a line: a length, and the data block behind the line; %w the same with noreply
//	%b  a key in base64, never the same as one that is not: the two may be on different servers
var mcTemplates = strings.Split(strings.Trim(strings.ReplaceAll(`
	get %k|get %k|get %K|get %K|gets %k|gets %K|gat %e %k|gats %e %K|gat %e %K
	set %k %f %e %v|set %k %f %e %v|set %k %f %e %w|set %k 0 0 %v|add %k 0 %e %v|replace %k %f 0 %v|replace %k %f 0 %w
	append %k 0 0 %v|prepend %k 0 0 %v|append %k 0 0 %w|cas %k 0 0 1 999999999999 noreply~x|cas %k 0 0 1 999999999999~x
	incr %n %d|decr %n %d|incr %n %d noreply|incr %k abc|touch %k %e|touch %k %e noreply|delete %k|delete %k noreply
	set %n 0 0 10~1000000000|add %n 0 0 10~2000000000
	mg %k v|mg %k v k %o|mg %k s f t v|mg %k q v k %o|mg %k q|mg %b b k v|mg %k h|mg %k N30 v|mg %k u v %o
	ms %k %v|ms %k 1 q~x|ms %k 3 ME k %o~abc|ms %k 2 MA~yz|ms %k 2 MP q~yz|ms %b 4 b F5~four|ms %k 1 T0 c~z
	md %k|md %k q|md %k k %o|md %b b k|md %k q I T60
	ma %n v|ma %n D5 v|ma %n q|ma %n N0 J1000000000 v|ma %n MD D1 v k %o
	mn|mn|version|bogus words|get|mg|mg %k zz
`, "\n\t", "|"), "|\n"), "|")

// mcRandomStream is n commands of the grammar.
func mcRandomStream(rng *rand.Rand, n int) string {
	var b strings.Builder
	for range n {
		mcSentence(&b, rng, mcTemplates[rng.IntN(len(mcTemplates))])
	}
	return b.String()
}

// mcSentence appends the command of a template. A tilde begins its data block.
func mcSentence(b *strings.Builder, rng *rand.Rand, template string) {
	line, block, hasBlock := strings.Cut(template, "~")
	words := strings.Fields(line)
	for i, w := range words {
		switch w {
		case "%k":
			words[i] = mcRandomKey(rng)
		case "%K":
			words[i] = mcRandomKey(rng)
			for range rng.IntN(1 + rng.IntN(40)) {
				words[i] += " " + mcRandomKey(rng)
			}
		case "%n":
			words[i] = fmt.Sprint("number", rng.IntN(6))
		case "%b":
			words[i] = base64.StdEncoding.EncodeToString([]byte("b\r\n\xff" + strings.Repeat("64", rng.IntN(40))))
		case "%e":
			words[i] = []string{"0", "0", "100000", "-1", "2000000000"}[rng.IntN(5)]
		case "%f":
			words[i] = []string{"0", "1", "65535", "4294967295"}[rng.IntN(4)]
		case "%d":
			words[i] = []string{"0", "1", "42", "1000"}[rng.IntN(4)]
		case "%o":
			words[i] = fmt.Sprint("O", rng.IntN(1000))
		case "%v", "%w":
			block, hasBlock = mcRandomValue(rng), true
			words[i] = fmt.Sprint(len(block))
			if w == "%w" {
				words[i] += " noreply"
			}
		}
	}
	b.WriteString(strings.Join(words, " ") + "\r\n")
	if hasBlock {
		b.WriteString(block + "\r\n")
	}
}

// mcQuietBatch is up to n quiet meta commands, a few loud ones among them, and the mn that ends them.
func mcQuietBatch(rng *rand.Rand, n int) string {
	templates := []string{
		"mg %k q", "mg %k q v", "mg %k q v k", "mg %k q k %o v", "mg %k q v %o", "mg %k k q %o", "mg %b b q k v", "mg %k q s t f",
		"ms %k 1 q~x", "ms %k 2 q ME~ab", "ms %k 2 q k %o~cd", "ms %k 3 q MA %o~efg", "ms %k 1 q MR k~y", "ms %k 1 q C1 k %o~z",
		"md %k q", "md %k q k %o", "md %k q I", "md %k q C1 k",
		"ma %n q", "ma %n q v", "ma %n N0 J1000000000", "ma %n q k %o", "ma %n N0 J1000000000 v k %o",
		"mg %k v k %o", "md %k", "mg %k q zz", "get %K", "set %k 0 0 %w",
	}
	var b strings.Builder
	for range rng.IntN(n + 1) {
		mcSentence(&b, rng, templates[rng.IntN(len(templates))])
	}
	b.WriteString("mn\r\n")
	return b.String()
}

func mcRandomKey(rng *rand.Rand) string {
	switch rng.IntN(12) {
	case 0:
		return "bin\xff\x01" + string(rune('a'+rng.IntN(3)))
	case 1:
		return "long" + strings.Repeat("k", 60*rng.IntN(5))
	default:
		return fmt.Sprint("key", rng.IntN(16))
	}
}

func mcRandomValue(rng *rand.Rand) string { return valueOf(rng, "abc\r\nEND VALUE\x00\xff0123") }
