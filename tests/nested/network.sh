#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# virtio-net with stock guests, by loopback and by TAP; POSIX sh, for it runs under busybox too. Makes a network namespace
# of its own for the host's end of the TAP device.
# usage: network.sh KTSTR ECHO_FRAMES IP IPERF3 TUN STEP [CASE]...; TAP on stdout. TUN: a module to load, or ""; STEP: from
# one size of frames that are longer than an Ethernet's to the next.
if [ "${KTSTR_TEST_NETNS:-}" != own ]; then
	[ -e /dev/net/tun ] || [ -z "$5" ] || insmod "$5"
	KTSTR_TEST_NETNS=own exec unshare -n sh "$0" "$@"
fi
ktstr=$1 echo_frames=$2 ip=$3 iperf3=$4 step=$6
shift 6
cases=$*
# shellcheck source=tests/nested/tap.sh
. "$(dirname "$0")/tap.sh"

more() {
	echo "facts:"
	sed -n '/"net": {/,/}/p' facts
}
guest() {
	rm -f facts
	run_guest run --host direct --timeout 900s --stats facts "$@"
}
fact() { # NAME: of the net device
	sed -n '/"net": {/,/}/p' facts | sed -n "s/.*\"$1\": \([0-9]*\).*/\1/p"
}

# --- loopback
if wanted loopback; then
	# shellcheck disable=SC2016 # the guest's
	guest --net --cpus 1 --file "$echo_frames:/bin/echo-frames" -- sh -ec '
		echo 1 >/proc/sys/net/ipv6/conf/eth0/disable_ipv6
		softirqs() { awk "/NET_RX/ { print \$2 }" /proc/softirqs; }
		interrupts() { awk "/virtio/ { n += \$2 } END { print n }" /proc/interrupts; }
		before=$(softirqs) irqs=$(interrupts)
		echo-frames; echo-frames 1515 65549 $1; echo-frames 65535 65549 1
		after=$(softirqs) irqs_after=$(interrupts)
		echo "NET_RX $((after - before)), interrupts $((irqs_after - irqs))"
		test $((after - before)) -ge 1000 -a $((irqs_after - irqs)) -ge 1000
		cat /sys/class/net/eth0/statistics/rx_packets' sh "$step"
	long=$(((65549 - 1515) / step + 1))
	report "NET-17, NET-21, NET-45: AF_PACKET frames of 14 to 65549 bytes come back ($long sizes above 1514); above the MTU none is sent" \
		test "$code" -eq 0 -a "$(sed -n '1,3p' out | tr '\n' ' ')" = "1501 frames $long frames 15 frames "
	report "NET-44: interrupts and NET_RX softirqs come of them: $(grep NET_RX out)" has 'NET_RX'
	frames=$((1501 + long + 15))
	report "NET-37, NET-38: each is counted once, each way" \
		test "$(fact tx_packets)" = $frames -a "$(fact rx_packets)" = $frames -a "$(tail -n 1 out)" = $frames
	report "and none is lost" test "$(fact tx_dropped_no_rx_buffer)" = 0 -a "$(fact tx_chain_invalid)" = 0 -a \
		"$(fact tx_oversize_dropped)" = 0 -a "$(fact rx_chain_invalid)" = 0
	report "that some came cut is said: $(fact rx_truncated)" eval \
		'test "$(fact rx_truncated)" -ge "$long" && grep -q "frames were longer.* mtu=" err'
	# shellcheck disable=SC2016 # the guest's
	guest --net mac=52:54:00:12:34:56,mtu=9000 --file "$echo_frames:/bin/echo-frames" -- sh -ec '
		echo 1 >/proc/sys/net/ipv6/conf/eth0/disable_ipv6
		cat /sys/class/net/eth0/address
		ip addr add 10.9.8.7/24 dev eth0; ip link set eth0 up
		ping -c 3 10.9.8.7 >/dev/null
		cat /sys/class/net/eth0/statistics/tx_packets /sys/class/net/eth0/mtu
		echo-frames 1515 9014 500'
	report "NET-06: the MAC address is the one given" test "$code" -eq 0 -a "$(head -n 1 out)" = 52:54:00:12:34:56
	report "NET-46: a ping of its own address never reaches the device" test "$(sed -n 2p out)" = 0
	report "mtu=9000: frames of 1515 to 9014 bytes come back whole, and none longer is sent" \
		test "$(sed -n '3,4p' out | tr '\n' ' ') $(fact rx_truncated)" = "9000 15 frames  0"
fi

# --- TAP
if wanted tap && { ! "$ip" tuntap add dev tap0 mode tap || [ ! -x "$iperf3" ]; }; then
	echo "ok $((n = n + 1)) - TAP # SKIP no TAP device or no iperf3"
elif wanted tap; then
	# Of IPv6 both ends would say things unasked.
	echo 1 >/proc/sys/net/ipv6/conf/tap0/disable_ipv6
	"$ip" link set lo up
	"$ip" addr add 10.77.0.1/24 dev tap0
	"$ip" link set tap0 up
	"$iperf3" -s >server 2>&1 &
	server=$!
	# A line on stdout, and the host may begin; an end of stdin, and the guest goes.
	mkfifo hold
	{
		for _ in $(seq 600); do grep -qx up out 2>/dev/null && break; sleep 0.2; done
		ping -c 100 -i 0.05 10.77.0.2 >pinged 2>&1
	} >hold &
	# shellcheck disable=SC2016 # the guest's
	guest --net tap=tap0,mac=52:54:00:77:00:02 --file "$iperf3:/bin/iperf3" -- sh -c '
		echo 1 >/proc/sys/net/ipv6/conf/eth0/disable_ipv6
		ip addr add 10.77.0.2/24 dev eth0; ip link set eth0 up
		echo up; cat >/dev/null
		ping -c 100 -i 0.05 10.77.0.1 | grep received
		for how in "-u -b 1M -l 1200" "-u -b 1M -l 1200 -R" "" "-R"; do
			echo "iperf3 $how"; iperf3 -c 10.77.0.1 -t 4 -f k $how | grep -E "sender|receiver|error"
		done
		cat /sys/class/net/eth0/statistics/rx_dropped' <hold
	kill $server
	report "the guest pings the host, 100 of 100" has '100 packets transmitted, 100 packets received, 0%'
	report "the host pings the guest, 100 of 100" grep -q '100 packets transmitted, 100 packets received, 0%' pinged
	for way in "1200$" "1200 -R$"; do
		report "UDP of 1 Mbit/s loses nothing (iperf3 -u -l $way)" sh -c \
			"sed -n '/^iperf3 .*$way/,/receiver/p' out | grep receiver | grep -qE ' 0/[1-9][0-9]* \(0%\)'"
	done
	for way in "" "-R"; do
		rate=$(sed -n "/^iperf3 $way\$/,/receiver/p" out | sed -n 's/.* \([0-9]*\) Kbits\/sec.*receiver/\1/p')
		report "TCP passes (iperf3 $way): ${rate:-0} kbit/s" test "${rate:-0}" -gt 0
	done
	report "the device is on the TAP device, and lost nothing of its own" sh -c \
		"test $code -eq 0 && grep -q '\"backend\": \"tap\"' facts && test $(fact tx_backend_errors) = 0 -a \
			$(fact rx_backend_errors) = 0 -a $(fact tx_chain_invalid) = 0"
	"$ip" tuntap add dev tap1 mode tap
	# shellcheck disable=SC2016 # the guest's
	guest --net tap=tap1 -- sh -c 'ip link set eth0 up; ip link set eth0 down; ip link set eth0 up
		ip addr add 10.78.0.2/24 dev eth0; ping -c 1 -W 1 10.78.0.1 >/dev/null; echo up'
	report "a TAP device that is down loses frames and nothing else" test "$code" -eq 0 -a "$(cat out)" = up
	guest --net tap=no-such-tap/ -- true
	report "a name that is none is refused" test "$code" -eq 64
	"$ktstr" run --host direct --net tap=tap1 -- sleep 600 >/dev/null 2>&1 &
	busy=$!
	for _ in $(seq 600); do grep -qs "^iff:.*tap1" /proc/$busy/fdinfo/* && break; sleep 0.1; done
	guest --net tap=tap1 -- true
	report "one in use is named, and what to do" sh -c "test $code -eq 69 && grep -q 'tap tap1.*in use' err"
	kill $busy
	wait $busy
fi

echo "1..$n"
