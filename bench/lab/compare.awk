# SPDX-License-Identifier: GPL-2.0-only
# The table, and with -v json=FILE the figures, of compare.session's rows: medians over the rounds.

function sorted(list, n,   i, j, t) {
	for (i = 2; i <= n; i++)
		for (j = i; j > 1 && list[j - 1] + 0 > list[j] + 0; j--) {
			t = list[j]
			list[j] = list[j - 1]
			list[j - 1] = t
		}
}

function middle(list, n) { return n ? (n % 2 ? list[(n + 1) / 2] : (list[n / 2] + list[n / 2 + 1]) / 2) : "" }

function median(key,   list, n) {
	n = split(values[key], list, " ")
	sorted(list, n)
	return middle(list, n)
}

function put(key, value, round) {
	if (value == "" || value == "none")
		return
	if (!(key in values))
		order[++n_keys] = key
	values[key] = values[key] " " value
	at[key, round] = value
	if (round > rounds)
		rounds = round
}

function per(key, count, n, round) {
	if (n > 0 && count != "none")
		put(key, count / n, round)
}

function figure(key, format) { return key in values ? sprintf(format, median(key)) : "-" }

# Of the rounds in which both were measured, each against the same round: median, and in brackets least and most.
function ratio(a, b,   list, n, i) {
	for (i = 1; i <= rounds; i++)
		if ((a, i) in at && (b, i) in at && at[b, i] > 0)
			list[++n] = at[a, i] / at[b, i]
	sorted(list, n)
	return n ? sprintf("%.2f (%.2f .. %.2f)", middle(list, n), list[1], list[n]) : "-"
}

function block_row(vmm, cell, against,   key) {
	key = "block." cell "." vmm "."
	printf "%-21s %-13s %7s %8s %7s %7s %8s %9s %9s  %s\n", cell, vmm, figure(key "iops", "%d"), figure(key "mean_us", "%d"),
		figure(key "p50_us", "%d"), figure(key "p99_us", "%d"), figure(key "user_exits_per_request", "%.3f"),
		figure(key "exits_per_request", "%.2f"), figure(key "interrupts_per_request", "%.3f"), against
}

function block_table(   i, cell, a, b, best) {
	printf "4k in a stock guest, 1 vCPU; per request: exits to user space, all exits, interrupts; ratio: ktstr's IOPS to the\n"
	printf "better of QEMU's, round by round: median (least .. most)\n"
	printf "%-21s %-13s %7s %8s %7s %7s %8s %9s %9s  %s\n", "cell", "VMM", "IOPS", "mean us", "p50 us", "p99 us", "to user",
		"exits", "interr.", "ratio"
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

function console_row(vmm, way, against,   key) {
	key = "console." way "." vmm "."
	printf "%-9s %-11s %8s %13s %10s %10s  %s\n", way, vmm, figure(key "mib_per_s", "%.1f"),
		figure(key "user_exits_per_mib", "%.2f"), figure(key "exits_per_mib", "%.1f"),
		figure(key "interrupts_per_mib", "%.1f"), against
}

function console_table(   i, k, way, vmm) {
	printf "A stream through a virtio-serial port of a stock guest, 1 vCPU; per MiB: exits to user space, all exits,\n"
	printf "interrupts; ratio: ktstr's console (page: device registers in memory) to QEMU's, round by round: median (least .. most)\n"
	printf "%-9s %-11s %8s %13s %10s %10s  %s\n", "way", "VMM", "MiB/s", "to user", "exits", "interr.", "ratio"
	for (i = 1; i <= n_ways; i++) {
		way = ways[i]
		for (k = 1; k <= 2; k++) {
			vmm = k == 1 ? "ktstr-bulk" : "ktstr-page"
			console_row(vmm, way, ratio("console." way "." vmm ".mib_per_s", "console." way ".qemu.mib_per_s"))
		}
		console_row("qemu", way, "")
	}
}

function bare_row(vmm, cell, against,   key) {
	key = "bare." cell "." vmm "."
	printf "%-9s %-13s %9s %9s %9s %9s  %s\n", cell, vmm, figure(key "per_s", "%d"), figure(key "user_exits", "%.3f"),
		figure(key "exits", "%.2f"), figure(key "interrupts", "%.3f"), against
}

function bare_table(   i, cell, a, b, best) {
	printf "A guest of our own, 1 vCPU; read, write: 4k requests of a disk, 1 and 32 at once; to-host, to-guest: buffers of\n"
	printf "32 KiB and 4 KiB through a console port; per operation: exits to user space, all exits, interrupts; ratio: ktstr\n"
	printf "to (the better of) QEMU, round by round: median (least .. most)\n"
	printf "%-9s %-13s %9s %9s %9s %9s  %s\n", "cell", "VMM", "a second", "to user", "exits", "interr.", "ratio"
	for (i = 1; i <= n_bare; i++) {
		cell = bare_cells[i]
		if (cell ~ /^to-/) {
			bare_row("ktstr-bulk", cell, ratio("bare." cell ".ktstr-bulk.per_s", "bare." cell ".qemu.per_s"))
			bare_row("qemu", cell, "")
			continue
		}
		a = "bare." cell ".qemu-io_uring.per_s"
		b = "bare." cell ".qemu-threads.per_s"
		best = (b in values) && (!(a in values) || median(b) > median(a)) ? b : a
		bare_row("ktstr", cell, ratio("bare." cell ".ktstr.per_s", best))
		bare_row("qemu-io_uring", cell, "")
		bare_row("qemu-threads", cell, "")
	}
}

function start_row(cpus, what, title, unit, scale,   k, q) {
	k = "start." cpus ".ktstr." what
	q = "start." cpus ".qemu." what
	if (!(k in values) && !(q in values))
		return
	printf "%5s  %-26s %10s %10s %-4s  %s\n", cpus, title, k in values ? sprintf("%.1f", median(k) / scale) : "-",
		q in values ? sprintf("%.1f", median(q) / scale) : "-", unit, ratio(k, q)
}

function start_table(   i) {
	printf "Start and memory; ratio: ktstr to QEMU, round by round: median (least .. most), less is better\n"
	printf "%5s  %-26s %10s %10s %-4s  %s\n", "vCPUs", "", "ktstr", "QEMU", "", "ratio"
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

$1 == "block" && NF == 12 {
	if (!($3 in seen_cell)) {
		seen_cell[$3] = 1
		cells[++n_cells] = $3
	}
	key = "block." $3 "." $2 "."
	put(key "iops", $6, $4)
	put(key "mean_us", $7, $4)
	put(key "p50_us", $8, $4)
	put(key "p99_us", $9, $4)
	per(key "user_exits_per_request", $10, $5, $4)
	per(key "exits_per_request", $11, $5, $4)
	per(key "interrupts_per_request", $12, $5, $4)
}

$1 == "console" && NF == 9 && $6 > 0 {
	if (!($3 in seen_way)) {
		seen_way[$3] = 1
		ways[++n_ways] = $3
	}
	mib = $5 / 1048576
	key = "console." $3 "." $2 "."
	put(key "mib_per_s", mib / $6, $4)
	per(key "user_exits_per_mib", $7, mib, $4)
	per(key "exits_per_mib", $8, mib, $4)
	per(key "interrupts_per_mib", $9, mib, $4)
}

$1 == "bare" && NF == 9 && $6 > 0 {
	if (!($3 in seen_bare)) {
		seen_bare[$3] = 1
		bare_cells[++n_bare] = $3
	}
	key = "bare." $3 "." $2 "."
	put(key "per_s", $5 / $6, $4)
	per(key "user_exits", $7, $5, $4)
	per(key "exits", $8, $5, $4)
	per(key "interrupts", $9, $5, $4)
}

$1 == "lost" { lost[$2 ", " $3 ($3 ~ /^[0-9]+$/ ? " vCPUs" : "")]++ }

$1 == "start" && NF == 6 {
	if (!($3 in seen_cpus)) {
		seen_cpus[$3] = 1
		cpus_list[++n_cpus] = $3
	}
	put("start." $3 "." $2 "." $5, $6, $4)
}

END {
	if (n_cells)
		block_table()
	if (n_ways) {
		if (n_cells)
			print ""
		console_table()
	}
	if (n_bare)
		bare_table()
	if ((n_cells || n_ways || n_bare) && n_cpus)
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
