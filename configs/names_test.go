package configs

import (
	"reflect"
	"slices"
	"testing"

	"cashew/engine"
)

// TestSettingNames: each field that a key sets has the key's name; the others are those that no file can set.
func TestSettingNames(t *testing.T) {
	names := settingNames()
	for field, want := range map[string]string{
		"Loops": "loops", "ReadBufferBytes": "read_buffer", "MaxMemoryBytes": "max_memory", "Coalesce": "coalesce_usecs",
		"Timeout": "timeout", "TCPKeepalive": "tcpkeepalive", "ReusePort": "reuseport", "RefuseCrossScripts": "cross_server_scripts",
		"ServerUserTimeout": "server_tcp_user_timeout", "IntegrityInterval": "server_integrity_interval",
		"SlowerThan": "slowlog_log_slower_than", "SlowMaxLen": "slowlog_max_len", "ClientOutputBuffer": "client_output_buffer",
		"OnServerFailure": "on_server_failure", "HashTag": "hash_tag", "Servers": "servers",
		"Protocol": "what the protocol allows or asks for",
	} {
		if names[field] != want {
			t.Errorf("%s is called %q; want %q", field, names[field], want)
		}
	}
	var fields []string
	for _, settings := range []reflect.Type{reflect.TypeFor[engine.Options](), reflect.TypeFor[engine.PoolOptions]()} {
		for _, f := range reflect.VisibleFields(settings) {
			if f.Anonymous {
				continue
			}
			if slices.Contains(fields, f.Name) {
				t.Errorf("two settings are %s", f.Name)
			}
			fields = append(fields, f.Name)
			unset := slices.Contains([]string{"Version", "Inherited", "Tickets", "SettingNames", "Pools", "Name", "Probe", "Slots", "ReadsByOp"}, f.Name)
			if _, named := names[f.Name]; named == unset {
				t.Errorf("%s is called %q", f.Name, names[f.Name])
			}
		}
	}
	global, pool := Keys()
	others := []string{"Seeds", "Begin", "Replicas", "ReadClasses"} // of keys that another is called by
	for _, key := range slices.Concat(global, pool) {
		named := 0
		for field, name := range names {
			if name == key && !slices.Contains(others, field) {
				named++
			}
		}
		want := 1
		made := slices.Concat(waysOf("redis_auth"), waysOf("server_username"), waysOf("server_password"), waysOf("sentinel_username"), waysOf("sentinel_password"),
			waysOf("discovery_username"), waysOf("discovery_password"), waysOf("discovery_token"), []string{
				"redis", "server_auth", "redis_db", "databases", "commands", "users", "aclfile", "unknown_commands", "cluster_announce", "memcached_admin",
				"near_cache_keys", "near_cache_msecs", "near_cache_untracked_msecs", "near_cache_stale_msecs", "near_cache_check",
			})
		if slices.Contains(made, key) { // a protocol, or several settings, are made of them
			want = 0
		}
		if named != want {
			t.Errorf("%d settings are called %s; want %d", named, key, want)
		}
	}
}
