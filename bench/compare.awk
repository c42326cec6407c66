# SPDX-License-Identifier: GPL-2.0-only
# The table, and with -v json=FILE the figures, of compare.session's rows: medians over the rounds.

function median(key,   list, n, i, j, t) {
	n = split(values[key], list, " ")
	for (i = 2; i <= n; i++)
		for (j = i; j > 1 && list[j - 1] + 0 > list[j] + 0; j--) {
			t = list[j]
			list[j] = list[j - 1]
			list[j - 1] = t
		}
	return n ? (n % 2 ? list[(n + 1) / 2] : (list[n / 2] + list[n / 2 + 1]) / 2) : ""
}

function put(key, value) {
	if (value == "" || value == "none")
		return
	if (!(key in values))
		order[++n_keys] = key
	values[key] = values[key] " " value
}

function figure(key, format) { return key in values ? sprintf(format, median(key)) : "-" }

function ratio(a, b) { return a in values && b in values && median(b) > 0 ? sprintf("%.2f", median(a) / median(b)) : "-" }

function block_row(vmm, cell, against,   key) {
	key = "block." cell "." vmm "."
	printf "%-14s %-14s %9s %9s %9s %9s %10s %8s\n", cell, vmm, figure(key "iops", "%d"), figure(key "mean_us", "%d"),
		figure(key "p50_us", "%d"), figure(key "p99_us", "%d"), figure(key "exits_per_request", "%.3f"), against
}

function block_table(   i, cell, a, b, best) {
	printf "4k in a stock guest, 1 vCPU; ratio: ktstr's IOPS to the better of QEMU's\n"
	printf "%-14s %-14s %9s %9s %9s %9s %10s %8s\n", "cell", "VMM", "IOPS", "mean us", "p50 us", "p99 us", "exits/req", "ratio"
	for (i = 1; i <= n_cells; i++) {
		cell = cells[i]
		a = "block." cell ".qemu-io_uring.iops"
		b = "block." cell ".qemu-threads.iops"
		best = (b in values) && (!(a in values) || median(b) > median(a)) ? b : a
		block_row("ktstr", cell, ratio("block." cell ".ktstr.iops", best))
		block_row("qemu-io_uring", cell, "")
		block_row("qemu-threads", cell, "")
	}
}

function start_row(cpus, what, title, unit, scale,   k, q) {
	k = "start." cpus ".ktstr." what
	q = "start." cpus ".qemu." what
	printf "%5s  %-28s %10s %10s %-4s %8s\n", cpus, title, k in values ? sprintf("%.1f", median(k) / scale) : "-",
		q in values ? sprintf("%.1f", median(q) / scale) : "-", unit, ratio(k, q)
}

function start_table(   i) {
	printf "Start and memory; ratio: ktstr to QEMU, less is better\n"
	printf "%5s  %-28s %10s %10s %-4s %8s\n", "vCPUs", "", "ktstr", "QEMU", "", "ratio"
	for (i = 1; i <= n_cpus; i++) {
		start_row(cpus_list[i], "first_run", "start to first KVM_RUN", "ms", 1000)
		start_row(cpus_list[i], "init", "start to guest's init", "ms", 1000)
		start_row(cpus_list[i], "command", "start to guest's command", "ms", 1000)
		start_row(cpus_list[i], "own", "resident beside guest's", "MiB", 1048576)
	}
}

function write_json(   i, j, list, n) {
	printf "{\n  \"schema\": \"ktstr-compare/1\"" >json
	for (i in facts)
		printf ",\n  \"%s\": \"%s\"", i, facts[i] >json
	for (i in lost)
		printf ",\n  \"lost.%s\": %d", i, lost[i] >json
	for (i = 1; i <= n_keys; i++) {
		n = split(values[order[i]], list, " ")
		printf ",\n  \"%s\": {\"median\": %s, \"rounds\": [", order[i], median(order[i]) >json
		for (j = 1; j <= n; j++)
			printf "%s%s", (j > 1 ? ", " : ""), list[j] >json
		printf "]}" >json
	}
	print "\n}" >json
}

$1 == "fact" {
	name = $2
	sub(/^fact [^ ]+ /, "")
	gsub(/["\\]/, "")
	facts[name] = $0
}

$1 == "block" && NF == 10 {
	if (!($3 in seen_cell)) {
		seen_cell[$3] = 1
		cells[++n_cells] = $3
	}
	key = "block." $3 "." $2 "."
	put(key "iops", $6)
	put(key "mean_us", $7)
	put(key "p50_us", $8)
	put(key "p99_us", $9)
	if ($5 > 0 && $10 != "none")
		put(key "exits_per_request", $10 / $5)
}

$1 == "lost" { lost[$2 ", " $3 " vCPUs"]++ }

$1 == "start" && NF == 6 {
	if (!($3 in seen_cpus)) {
		seen_cpus[$3] = 1
		cpus_list[++n_cpus] = $3
	}
	put("start." $3 "." $2 "." $5, $6)
}

END {
	if (n_cells)
		block_table()
	if (n_cells && n_cpus)
		print ""
	if (n_cpus)
		start_table()
	# They are in no median: whoever reads the ratio must know.
	for (i in lost)
		printf "lost: %s: %d starts whose guest never got to its command\n", i, lost[i]
	for (i in facts)
		printf "%s: %s\n", i, facts[i]
	if (json)
		write_json()
}
