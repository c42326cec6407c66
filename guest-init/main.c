/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * /init of the guest, and of the nested host: sets up the system, runs one command with its stdio over the bulk port,
 * sends its exit code, and powers off.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "guest-init/bulk.h"
#include "guest-init/command.h"
#include "guest-init/config.h"
#include "guest-init/dmesg.h"
#include "guest-init/environment.h"
#include "guest-init/hub.h"
#include "guest-init/outputs.h"
#include "guest-init/payload.h"
#include "guest-init/report.h"
#include "guest-init/setup.h"
#include "guest-init/topology.h"

/* Slow hosts boot slow guests: a TCG guest in a busy CI runner needs many
 * seconds to probe its devices. */
#define PORT_WAIT_MS 60000
/* An interactive shell works without the port too. */
#define PORT_WAIT_SHELL_MS 2000

static void no_port(int err)
{
	static const char text[] = "ktstr-init: no port \"" BULK_PORT_NAME "\"; powering off\n";

	report_warn("no port \"%s\": %s; powering off", BULK_PORT_NAME, strerror(err));
	/* The kernel's log level may hide a warning from COM1. */
	if (write(STDERR_FILENO, text, sizeof(text) - 1) < 0)
		report_warn("console: %s", strerror(errno));
	report_power_off();
}

static int announce(struct bulk *bulk)
{
	static const uint8_t init_started = WIRE_LIFE_INIT;
	char json[16 << 10];
	int ret = bulk_send(bulk, WIRE_SRDY, NULL, 0);

	if (!ret)
		ret = bulk_send(bulk, WIRE_LIFE, &init_started, 1);
	if (!ret)
		ret = bulk_send(bulk, WIRE_JENV, json, environment_json(json, sizeof(json)));
	return ret;
}

/* 1: the machine differs from what was asked for, and the host has been told so. */
static int check_topology(struct bulk *bulk)
{
	static char json[TOPOLOGY_MISMATCHES_MAX * 6 * 160 + 512];
	static struct topology_report report;
	int ret = topology_compare(CONFIG_DIR "/" CONFIG_TOPOLOGY, "", &report);

	if (ret == -ENOENT)
		return 0;
	if (!ret)
		ret = bulk_send(bulk, WIRE_JTOP, json, topology_json(&report, json, sizeof(json)));
	return ret ? ret : report.mismatches != 0;
}

static int starting(struct bulk *bulk)
{
	static const uint8_t payload_starting = WIRE_LIFE_PAYLOAD;

	return bulk_send(bulk, WIRE_LIFE, &payload_starting, 1);
}

static int run_command(struct bulk *bulk, struct hub *hub, const struct config *config)
{
	int code, ret;

	if (config->unknown)
		bulk_complain(bulk, "ktstr: option \"%s\" is unknown to the guest", config->unknown);
	if (config->spare_cpu0 && (ret = cpu0_spare()))
		bulk_complain(bulk, "ktstr: CPU 0 is not left to the kernel: %s", strerror(-ret));
	if (disks_wait(config->wait_disks))
		bulk_complain(bulk, "ktstr: %u disks did not appear in the guest", config->wait_disks);
	ret = starting(bulk);
	code = ret ? ret : payload_run(bulk, hub, config);
	if (code < 0)
		return code;
	ret = outputs_send(bulk, config->outputs);
	if (!ret && hub)
		ret = output_dirs_finish(&hub->output_dirs);
	return ret ? ret : code;
}

/* Sync the disks before the exit code is sent. */
static int tell_exit(struct bulk *bulk, const struct config *config, int32_t code)
{
	unsigned disk;
	int ret;

	sync();
	/* sync() reports no write errors. */
	ret = disks_sync(config->wait_disks, &disk);
	if (ret) {
		bulk_complain(bulk, "ktstr: disk %u: not all that was written is on it: %s", disk, strerror(-ret));
		code = code ? code : 1;
	}
	/* Send the exit code even if sending the log fails. */
	if (code && config->dmesg)
		dmesg_send(bulk);
	ret = bulk_send(bulk, WIRE_EXIT, &code, sizeof(code));
	/*
	 * Data that the host has not read is lost when the machine powers off. So wait for the acknowledgement, without
	 * limit: the host may wait for its own reader.
	 */
	if (!ret && config->ack_exit)
		ret = bulk_wait_ack(bulk, -1);
	return ret;
}

int main(int argc, char **argv)
{
	struct hub hub, *with_hub = NULL;
	struct config config;
	struct bulk bulk;
	bool shell;
	int ret, code, differs = 0;

	if (getpid() != 1 && !strcmp(basename(argv[0]), GUEST_COMMAND))
		return guest_command(argc, argv);
	if (getpid() != 1) {
		fprintf(stderr, "ktstr-init: this is a guest's /init and runs as process 1 only\n");
		return 64;
	}
	report_fatal_signals();
	mounts_make();
	network_up();
	ret = config_load(&config, CONFIG_DIR);
	if (ret)
		report_panic("%s: %s", CONFIG_DIR, strerror(-ret));
	modules_load(config.modules);
	links_make(config.links);
	/* As long as the other CPUs have nothing to do. */
	if (config.hold_vm && (ret = vm_hold()))
		report_warn("no idle VM is kept: %s", strerror(-ret));
	shell = config.console_shell || !config.argv;
	ret = bulk_open(&bulk, shell ? PORT_WAIT_SHELL_MS : PORT_WAIT_MS);
	if (ret && !shell)
		no_port(-ret);
	if (!ret)
		ret = announce(&bulk);
	if (!ret) {
		ret = hub_open(&hub, &bulk, &config);
		with_hub = ret ? NULL : &hub;
	}
	if (!ret)
		ret = differs = check_topology(&bulk);
	if (!ret && shell)
		ret = starting(&bulk);
	if (differs > 0)
		code = TOPOLOGY_MISMATCH_EXIT;
	else if (shell)
		code = payload_run_on_console(&bulk, with_hub, &config);
	else
		code = ret ? ret : run_command(&bulk, with_hub, &config);
	if (code < 0)
		report_panic("command: %s", strerror(-code));
	if (bulk.fd >= 0)
		ret = tell_exit(&bulk, &config, code);
	if (with_hub && hub.wake.shutdown)
		report_drain();
	if (ret && !shell)
		report_warn("exit code %d was not told: %s", code, strerror(-ret));
	report_power_off();
}
