//go:build unix

package difftest

import (
	"math/rand/v2"
	"strconv"
	"strings"
)

// templates are the sentences of random streams. A word in capitals stands; the others are replaced:
//
//	k  a key of a few, so that types clash        t  one of a few keys that share a hash tag
//	v  a value, at times big or binary            s  a short value
//	n  a small number, at times not one           i  a small integer
//	r  a range end, -3 to 5                       ks 1 to 40 keys        kvs as many pairs
//
// Replies must not depend on time, chance or a server's hash seed: sets hold integers, hashes stay small.
var templates = strings.Fields(strings.ReplaceAll(`
	GET_k GET_k GET_k SET_k_v SET_k_v SET_k_n SET_k_v_NX SET_k_v_XX SET_k_v_GET GETSET_k_s GETDEL_k APPEND_k_s STRLEN_k
	INCR_k INCRBY_k_n DECR_k INCRBYFLOAT_k_n GETRANGE_k_r_r SETRANGE_k_i_s SETNX_k_s GETEX_k
	MGET_ks MGET_ks MSET_kvs MSET_kvs DEL_ks UNLINK_ks TOUCH_ks MGET_ks
	DEL_k TYPE_k EXISTS_k EXPIRETIME_k PERSIST_k EXPIREAT_k_33177117420
	HSET_k_i_s HSET_k_i_s_i_s HGET_k_i HMGET_k_i_i_i HGETALL_k HDEL_k_i HINCRBY_k_i_n HLEN_k HEXISTS_k_i HKEYS_k
	LPUSH_k_v RPUSH_k_s_s_s LRANGE_k_r_r LPOP_k RPOP_k LLEN_k LINDEX_k_r LSET_k_r_s LREM_k_r_s LTRIM_k_r_r LPOP_k_i
	SADD_k_i SADD_k_i_i_i SREM_k_i SMEMBERS_k SCARD_k SISMEMBER_k_i SMISMEMBER_k_i_i
	SUNION_t_t SINTER_t_t_t SDIFF_t_t SUNIONSTORE_t_t_t SMOVE_t_t_i SADD_t_i_i SADD_t_i
	ZADD_k_i_s ZADD_k_n_s ZSCORE_k_s ZRANGE_k_r_r ZRANGE_k_0_-1_WITHSCORES ZINCRBY_k_n_s ZREM_k_s ZCARD_k ZRANK_k_s
	ZPOPMIN_k ZCOUNT_k_i_i ZUNIONSTORE_t_2_t_t ZADD_t_i_s
	RPOPLPUSH_t_t LMOVE_t_t_LEFT_RIGHT COPY_t_t RPUSH_t_s_s
	SETBIT_k_i_1 GETBIT_k_i BITCOUNT_k PFADD_k_s PFCOUNT_k
	PING PING GET GET_k_k SET_k MSET_k HSET_k_s LRANGE_k_0
`, "\n", " "))

// randomStream is n commands of the grammar.
func randomStream(rng *rand.Rand, n int) [][]string {
	all := make([][]string, n)
	for i := range all {
		for word := range strings.SplitSeq(templates[rng.IntN(len(templates))], "_") {
			all[i] = append(all[i], randomWords(rng, word)...)
		}
		if rng.IntN(20) == 0 {
			all[i][0] = strings.ToLower(all[i][0])
		}
	}
	return all
}

func randomWords(rng *rand.Rand, word string) []string {
	switch word {
	case "k":
		return []string{randomKey(rng)}
	case "t":
		return []string{"{t}" + strconv.Itoa(rng.IntN(4))}
	case "v":
		return []string{randomValue(rng)}
	case "s":
		return []string{[]string{"", "a", "b", "cc", "\r\n", "\x00", "0", "some words"}[rng.IntN(8)]}
	case "n":
		return []string{[]string{"1", "-7", "2.5", "1e3", "abc", "", "9223372036854775807", "42"}[rng.IntN(8)]}
	case "i":
		return []string{strconv.Itoa(rng.IntN(6))}
	case "r":
		return []string{strconv.Itoa(rng.IntN(9) - 3)}
	case "ks", "kvs":
		var all []string
		for range 1 + rng.IntN(1+rng.IntN(40)) {
			all = append(all, randomKey(rng))
			if word == "kvs" {
				all = append(all, randomValue(rng))
			}
		}
		return all
	}
	return []string{word}
}

func randomKey(rng *rand.Rand) string {
	switch rng.IntN(12) {
	case 0:
		return ""
	case 1:
		return "bin\r\n\x00" + string(byte(rng.IntN(3)))
	case 2:
		return "{t}" + strconv.Itoa(rng.IntN(4))
	case 3:
		return "long" + strings.Repeat("k", 300*rng.IntN(4))
	default:
		return "key" + strconv.Itoa(rng.IntN(16))
	}
}

func randomValue(rng *rand.Rand) string { return valueOf(rng, "abc\r\n$*:-+\x00\xff0123") }

// valueOf is a value of up to 70,000 of the bytes of alphabet, most often a few.
func valueOf(rng *rand.Rand, alphabet string) string {
	n := rng.IntN(40)
	switch rng.IntN(10) {
	case 0:
		n = rng.IntN(70_000)
	case 1:
		n = rng.IntN(2000)
	}
	b := make([]byte, n)
	for i := range b {
		b[i] = alphabet[rng.IntN(len(alphabet))]
	}
	return string(b)
}
