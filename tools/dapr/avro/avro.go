// Package avro stands in for github.com/iskorotkov/avro/v2, which is not to be
// had from the public module proxy. It declares only what Dapr's Pulsar
// component names; Meshlens runs no Pulsar.
package avro

// Config holds the two limits that the Pulsar component sets.
type Config struct {
	MaxSliceAllocSize int
	MaxMapAllocSize   int
}

// API is a frozen configuration.
type API struct{ config Config }

// Freeze fixes the configuration.
func (c Config) Freeze() API { return API{config: c} }

// DefaultConfig is the frozen zero configuration.
var DefaultConfig = Config{}.Freeze()
