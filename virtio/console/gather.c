/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * When a writer need not kick. Each kick is an exit of the guest, and in a
 * stream there is one for each chain as long as we are the faster side. So while
 * a port streams its kicks stay off, and its ring is looked at each time that
 * some chains should have gathered. A look that finds none ends that, and so do
 * some that find but one.
 * Who asks the host and waits for its answer is no stream, and port 0 is left
 * out: Linux spins there until its buffer is used.
 */
#include "virtio/console/internal.h"

#define RUN_MIN 8u
#define RUN_MAX 16u
#define SINGLE_WEIGHT 2u /* of a look that finds one chain: it would have come sooner by a kick */
#define CHAINS_A_LOOK 4u

static uint64_t look_in_ns(const struct gather *g)
{
	uint64_t ns = CHAINS_A_LOOK * g->gap_ns;

	if (ns < CONSOLE_LOOK_NS_MIN)
		return CONSOLE_LOOK_NS_MIN;
	return ns < CONSOLE_LOOK_NS_MAX ? ns : CONSOLE_LOOK_NS_MAX;
}

static bool streams(const struct console_port *p)
{
	return p->id != CONSOLE_PORT_CONSOLE && p->gather.run >= RUN_MIN;
}

void gather_note(struct console_port *p, unsigned chains)
{
	struct gather *g = &p->gather;
	uint64_t now = monotonic_ns(), gap = chains ? (now - g->last_ns) / chains : 0;
	bool looked = g->look_ns && now >= g->look_ns;

	g->look_ns = 0;
	if (looked ? !chains : gap > CONSOLE_GAP_NS_MAX) {
		g->run = 0;
		g->gap_ns = CONSOLE_GAP_NS_MAX;
	} else if (chains) {
		if (!looked || chains > 1)
			g->run += g->run < RUN_MAX;
		else
			g->run -= g->run < SINGLE_WEIGHT ? g->run : SINGLE_WEIGHT;
		g->gap_ns = (3 * g->gap_ns + (gap < CONSOLE_GAP_NS_MAX ? gap : CONSOLE_GAP_NS_MAX)) / 4;
	}
	if (chains)
		g->last_ns = now;
}

void gather_answered(struct console_port *p)
{
	p->gather.run = 0;
}

bool gather_rest(struct console *c, struct console_port *p)
{
	struct virtqueue *vq = &c->dev.vq[port_tx_queue(p->id)];
	struct gather *g = &p->gather;

	if (virtq_pending(vq))
		return true;
	if (!streams(p)) {
		g->look_ns = 0;
		return virtq_enable_kicks(vq);
	}
	if (!g->look_ns)
		g->look_ns = monotonic_ns() + look_in_ns(g);
	if (!c->gather_time.deadline_ns || g->look_ns < c->gather_time.deadline_ns)
		timer_set(&c->gather_time, g->look_ns);
	return false;
}

uint32_t gather_due(struct console *c)
{
	uint64_t now = monotonic_ns();
	uint32_t queues = 0;

	for (unsigned id = 0; id < CONSOLE_PORTS; id++) {
		const struct gather *g = &c->port[id].gather;

		if (g->look_ns && g->look_ns <= now)
			queues |= 1u << port_tx_queue(id);
		else if (g->look_ns && (!c->gather_time.deadline_ns || g->look_ns < c->gather_time.deadline_ns))
			timer_set(&c->gather_time, g->look_ns);
	}
	return queues;
}
