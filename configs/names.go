package configs

import (
	"reflect"
	"slices"

	"cashew/engine"
)

// settingNames are the keys by the fields that they set: "TCPKeepalive" is "tcpkeepalive". The engine, which knows no file, calls
// settings so in what it says of a reload. They come from the keys themselves: a key is the name of the field that it points to.
func settingNames() map[string]string {
	names := map[string]string{
		"Protocol": "what the protocol allows or asks for", // it is made of redis, redis_auth and other credentials, redis_db, databases, commands, sentinel_username and sentinel_password, users, aclfile, unknown_commands, cluster_announce and memcached_admin
		"Seeds":    "servers",
		"Begin":    "servers",

		"DiscoveryUsername": "the user for discovery",
		"DiscoveryPassword": "the password for discovery",
		"DiscoveryToken":    "the token for discovery",
		"DiscoveryShown":    "where these stand",
		"Replicas":          "servers", "ReadClasses": "read_policy",
		"Near": "near_cache", // and near_cache_keys and the like
	}
	var o engine.Options
	var p pool
	fields := make(map[any]string) // by what points to them
	for _, settings := range []any{&o, &p.PoolOptions} {
		v := reflect.ValueOf(settings).Elem()
		for _, f := range reflect.VisibleFields(v.Type()) {
			fields[v.FieldByIndex(f.Index).Addr().Interface()] = f.Name
		}
	}
	for _, k := range slices.Concat(globalKeys(&o), p.keys(nil)) {
		if field, ok := fields[k.to]; ok {
			names[field] = k.name
		}
	}
	return names
}
