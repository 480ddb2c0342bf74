package configs

import "testing"

func TestNear(t *testing.T) {
	keys := []string{"listen", "hash", "hash_tag", "timeout", "redis", "redis_auth", "redis_db", "server_connections", "servers"}
	booleans := []string{"true", "false"}
	tests := []struct {
		word  string
		known []string
		want  string
	}{
		{"hsah", keys, "hash"},
		{"hash-tag", keys, "hash_tag"},
		{"Listen", keys, "listen"},
		{"server", keys, "servers"},
		{"time_out", keys, "timeout"},
		{"redisdb", keys, "redis_db"},
		{"server_connection", keys, "server_connections"},
		{"sentinels", keys, ""},
		{"zzz", keys, ""},
		{"", keys, ""},
		{"fnv1_46", []string{"md5", "fnv1_64", "fnv1a_64"}, "fnv1_64"},
		{"fnv3", []string{"md5", "crc32", "fnv1_64"}, "fnv1_64"},
		{"on", booleans, "true"},
		{"FALSE", booleans, "false"},
		{"ture", booleans, "true"},
		{"maybe", booleans, ""},
		{"on", keys, ""},
	}
	for _, tt := range tests {
		if got := Near(tt.word, tt.known); got != tt.want {
			t.Errorf("Near(%q) = %q; want %q", tt.word, got, tt.want)
		}
	}
}

func TestDistance(t *testing.T) {
	tests := []struct {
		a, b string
		want int
	}{
		{"", "", 0},
		{"a", "", 1},
		{"", "ab", 2},
		{"ab", "ba", 1},
		{"abc", "acb", 1},
		{"kitten", "sitting", 3},
		{"hash", "hash", 0},
		{"hash", "hash_tag", 4},
	}
	for _, tt := range tests {
		if got := distance(tt.a, tt.b); got != tt.want {
			t.Errorf("distance(%q, %q) = %d; want %d", tt.a, tt.b, got, tt.want)
		}
		if got := distance(tt.b, tt.a); got != tt.want {
			t.Errorf("distance(%q, %q) = %d; want %d", tt.b, tt.a, got, tt.want)
		}
	}
}
