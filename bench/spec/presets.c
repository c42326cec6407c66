/* SPDX-License-Identifier: GPL-2.0-only */
#include "bench/spec/topology.h"

#include <stddef.h>

const struct topology_preset topology_presets[] = {
	/* ktstr's own matrix */
	{ "tiny-1llc", "1n1l4c1t", "one LLC" },
	{ "tiny-2llc", "1n2l2c1t", "the least of several LLCs" },
	{ "odd-3llc", "1n3l3c1t", "an odd number of CPUs" },
	{ "odd-5llc", "1n5l3c1t", "a prime number of LLCs" },
	{ "odd-7llc", "1n7l2c1t", "a prime number of LLCs" },
	{ "smt-2llc", "1n2l2c2t", "SMT" },
	{ "smt-3llc", "1n3l2c2t", "SMT, odd" },
	{ "medium-4llc", "1n4l4c2t", "a desktop's size" },
	{ "medium-8llc", "1n8l4c2t", "many LLCs" },
	{ "large-4llc", "1n4l16c2t", "large LLCs" },
	{ "large-8llc", "1n8l8c2t", "many LLCs" },
	{ "near-max-llc", "1n15l8c2t", "near the end of 8-bit APIC ids" },
	{ "max-cpu", "1n14l9c2t", "252 CPUs, APIC ids beyond 8 bits" },
	{ "medium-4llc-nosmt", "1n4l8c1t", "without SMT" },
	{ "medium-8llc-nosmt", "1n8l8c1t", "without SMT" },
	{ "large-4llc-nosmt", "1n4l32c1t", "without SMT" },
	{ "large-8llc-nosmt", "1n8l16c1t", "without SMT" },
	{ "near-max-llc-nosmt", "1n15l16c1t", "without SMT" },
	{ "max-cpu-nosmt", "1n14l18c1t", "without SMT" },
	{ "numa2-4llc", "2n4l4c1t", "two nodes" },
	{ "numa2-8llc", "2n8l8c2t", "two nodes, SMT" },
	{ "numa2-8llc-nosmt", "2n8l16c1t", "two nodes" },
	{ "numa4-8llc", "4n8l4c1t", "four nodes" },
	{ "numa4-12llc", "4n12l8c2t", "four nodes, SMT" },
	/* what it has not */
	{ "up", "1n1l1c1t", "one CPU" },
	{ "smt-only", "1n1l1c2t", "two threads of one core" },
	{ "smt4", "1n2l2c4t", "four threads a core" },
	{ "uneven-2llc", "1n2l4c1t:cores=4,2", "LLCs of 4 and 2 cores" },
	{ "uneven-3llc", "1n3l4c2t:cores=4,2,1", "LLCs of 4, 2 and 1 cores, SMT" },
	{ "uneven-numa", "2n3l4c1t:llcs=2,1", "nodes of two LLCs and of one" },
	{ "numa2-far", "2n2l2c1t:dist=32", "two nodes, far apart" },
	{ "numa3-line", "3n3l2c1t:dist=10,20,30/20,10,20/30,20,10", "three nodes in a line" },
	{ "numa4-ring", "4n4l2c1t:dist=10,16,22,16/16,10,16,22/22,16,10,16/16,22,16,10", "four nodes in a ring" },
	{ "numa8", "8n8l1c1t", "eight nodes" },
	{ "numa8-sockets",
	  "8n8l2c1t:dist="
	  "10,12,12,12,32,32,32,32/12,10,12,12,32,32,32,32/12,12,10,12,32,32,32,32/12,12,12,10,32,32,32,32/"
	  "32,32,32,32,10,12,12,12/32,32,32,32,12,10,12,12/32,32,32,32,12,12,10,12/32,32,32,32,12,12,12,10",
	  "eight nodes, four a socket" },
	{ "cxl-1", "2n1l4c1t:llcs=1,0:dist=10,28/28,10", "one node with CPUs, one of memory only" },
	{ "cxl-2", "3n4l2c1t:llcs=2,2,0:dist=10,20,28/20,10,36/28,36,10", "two nodes with CPUs, one of memory only" },
	{ "cxl-cache", "2n1l2c2t:llcs=1,0:dist=10,24/24,10:latency=90,250:cache=0,64M",
	  "memory-only node with a memory-side cache" },
	{ "x2apic-256", "2n8l16c2t", "256 CPUs" },
	{ NULL, NULL, NULL },
};
