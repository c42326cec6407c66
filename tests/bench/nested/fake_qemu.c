/* SPDX-License-Identifier: GPL-2.0-only */
/* Stands in for QEMU and its guest: plays the part that $FAKE_QEMU names over the port's socket. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "virtio/wire.h"

static int port = -1;
static const char *serial = "/dev/null";

static void send_all(const void *data, size_t len)
{
	const char *p = data;

	while (len) {
		ssize_t n = write(port, p, len);

		if (n <= 0)
			exit(3);
		p += n;
		len -= (size_t)n;
	}
}

static void frame(uint32_t type, const void *payload, size_t len)
{
	struct wire_header h;

	wire_header_init(&h, type, payload, len);
	send_all(&h, sizeof(h));
	send_all(payload, len);
}

static void life(void)
{
	frame(WIRE_SRDY, "", 0);
	frame(WIRE_LIFE, "\1", 1);
	frame(WIRE_LIFE, "\2", 1);
}

static void text(uint32_t type, const char *s)
{
	frame(type, s, strlen(s));
}

static void finish(int32_t code)
{
	frame(WIRE_EXIT, &code, sizeof(code));
	pause(); /* to be killed */
}

struct counted {
	unsigned long long bytes, sum;
	bool ended;
};

static void count(void *ctx, uint32_t type, const uint8_t *payload, size_t len, bool crc_ok)
{
	const uint32_t taken = (uint32_t)len;
	struct counted *c = ctx;

	if (type != WIRE_SINP || !crc_ok)
		exit(4);
	frame(WIRE_STAK, &taken, sizeof(taken));
	c->ended = !len;
	c->bytes += len;
	for (size_t i = 0; i < len; i++)
		c->sum += payload[i];
}

static void play_count(void)
{
	struct counted c = { 0 };
	struct wire_parser p;
	uint8_t buf[5000];
	char line[64];

	wire_parser_init(&p, count, &c);
	while (!c.ended) {
		ssize_t n = read(port, buf, sizeof(buf));

		if (n <= 0 || wire_parser_feed(&p, buf, (size_t)n))
			exit(5);
	}
	snprintf(line, sizeof(line), "%llu %llu\n", c.bytes, c.sum);
	text(WIRE_SOUT, line);
	finish(7);
}

/* 8 MiB of output, more than any pipe or socket holds. */
static void play_flood(void)
{
	static char chunk[WIRE_CHUNK_MAX];

	memset(chunk, 'x', sizeof(chunk));
	for (int i = 0; i < 128; i++)
		frame(WIRE_SOUT, chunk, sizeof(chunk));
	finish(0);
}

/* It ends when the first line is seen to be in the file. */
static void play_lines(void)
{
	char seen[64] = "";
	FILE *f;

	text(WIRE_JMET, "{\"first\":1}");
	while (strcmp(seen, "{\"first\":1}\n")) {
		f = fopen(getenv("FAKE_LINES"), "r");
		if (!f || !fgets(seen, sizeof(seen), f))
			seen[0] = '\0';
		if (f)
			fclose(f);
		usleep(1000);
	}
	text(WIRE_JMET, "{\"last\":2}");
	finish(0);
}

static void play_line(void)
{
	text(WIRE_JMET, "{}");
	finish(getenv("FAKE_CODE") ? atoi(getenv("FAKE_CODE")) : 0);
}

/* Longer than a time-out of one second. */
static void play_late(void)
{
	sleep(3);
	finish(0);
}

static void file_back(const char *path, const char *content)
{
	char payload[4096];
	size_t name = strlen(path) + 1;

	memcpy(payload, path, name);
	memcpy(payload + name, content, strlen(content));
	frame(WIRE_FOUT, payload, name + strlen(content));
}

static void play_outputs(void)
{
	const char *asked = getenv("FAKE_ASKED"), *foreign = getenv("FAKE_FOREIGN");

	file_back(asked, "one ");
	file_back(foreign, "overwritten");
	file_back(asked, "two");
	frame(WIRE_FEND, foreign, strlen(foreign) + 1);
	if (!getenv("FAKE_TORN"))
		frame(WIRE_FEND, asked, strlen(asked) + 1);
	/* Neither has a path that ends. */
	text(WIRE_FOUT, asked);
	frame(WIRE_FOUT, "", 0);
	finish(0);
}

static void wait_for_file(const char *name)
{
	char path[4096];

	snprintf(path, sizeof(path), "%s/%s", getenv("FAKE_DIR"), name);
	while (access(path, F_OK))
		usleep(1000);
}

/* Files of the directory /results, one of which is there before the next is sent; the last one only begins. */
static void play_dir(void)
{
	file_back("/results/sub/one", "1");
	frame(WIRE_FEND, "/results/sub/one", 17);
	wait_for_file("sub/one");
	if (getenv("FAKE_EVIL"))
		file_back(getenv("FAKE_EVIL"), "evil");
	file_back("/results/two", "2");
	frame(WIRE_FEND, "/results/two", 13);
	wait_for_file("two");
	frame(WIRE_FDEL, "/results/sub/one", 17);
	file_back("/results/torn", "3");
	file_back("/foreign", "4");
	frame(WIRE_FEND, "/foreign", 9);
	file_back("/results/three", "3");
	frame(WIRE_FEND, "/results/three", 15);
	file_back("/results/two", "torn");
	if (getenv("FAKE_STAY"))
		pause();
	finish(0);
}

static void note_words(char **argv)
{
	FILE *f = getenv("FAKE_WORDS") ? fopen(getenv("FAKE_WORDS"), "w") : NULL;

	for (; f && *argv; argv++)
		fprintf(f, "%s\n", *argv);
	if (f)
		fclose(f);
}

/* What L1 would boot. */
static void note_initrd(const char *path)
{
	FILE *to = getenv("FAKE_INITRD") ? fopen(getenv("FAKE_INITRD"), "w") : NULL,
	     *from = to ? fopen(path, "r") : NULL;
	char buf[65536];
	size_t n;

	while (from && (n = fread(buf, 1, sizeof(buf), from)))
		fwrite(buf, 1, n, to);
	if (from)
		fclose(from);
	if (to)
		fclose(to);
}

static void say_on_serial(const char *what)
{
	FILE *f = fopen(serial, "w");

	if (!f)
		exit(6);
	fputs(what, f);
	fclose(f);
}

/* Its cause, and then more lines than anybody shows for their being the last. */
static void play_panic(void)
{
	char said[2048] = "boot\n[ 7.1] BUG: unable to handle page fault\n";

	for (int i = 0; i < 50; i++)
		strcat(said, "[ 7.1]  a_caller+0x16/0xa0\n");
	strcat(said, "[ 7.2] Kernel panic - not syncing\n");
	say_on_serial(said);
}

/* As QEMU ends when it can't go on: one word, and all that a vCPU has. */
static void die_with_registers(void)
{
	fprintf(stderr, "qemu: fatal: Trying to execute code outside RAM or ROM at 0xfffffff0\n\n");
	fprintf(stderr, "RAX=0000000000000000 RBX=0000000000000000\nR8 =0000000000000000 R9 =0000000000000000\n");
	fprintf(stderr, "RIP=00000000fffffff0 RFL=00000046 [---Z-P-] CPL=0 II=0 A20=1 SMM=0 HLT=0\n");
	fprintf(stderr, "ES =0000 0000000000000000 0000ffff 00009300\nGDT=     0000000000000000 0000ffff\n");
	fprintf(stderr, "CR0=60000010 CR2=0000000000000000\nEFER=0000000000000000\n");
	for (int i = 0; i < 32; i++)
		fprintf(stderr, "XMM%02d=0000000000000000 0000000000000000\n", i);
	fprintf(stderr, "Code=00 00 00\n");
	exit(1);
}

int main(int argc, char **argv)
{
	const char *part = getenv("FAKE_QEMU");

	for (int i = 1; i < argc; i++) {
		if (!strcmp(argv[i], "--version")) {
			printf("QEMU emulator version %s\n",
			       getenv("FAKE_VERSION") ? getenv("FAKE_VERSION") : "11.1.3");
			return 0;
		}
		sscanf(argv[i], "socket,id=bulk,fd=%d", &port);
		if (!strcmp(argv[i], "-initrd"))
			note_initrd(argv[i + 1]);
		if (!strncmp(argv[i], "file:", 5))
			serial = argv[i] + 5;
	}
	note_words(argv);
	if (!strcmp(part, "mute"))
		pause();
	if (!strcmp(part, "die")) {
		fprintf(stderr, "qemu: cannot set up guest memory\n");
		return 1;
	}
	if (!strcmp(part, "registers"))
		die_with_registers();
	life();
	if (!strcmp(part, "panic"))
		play_panic();
	else if (!strcmp(part, "hang"))
		pause();
	else if (!strcmp(part, "count"))
		play_count();
	else if (!strcmp(part, "flood"))
		play_flood();
	else if (!strcmp(part, "lines"))
		play_lines();
	else if (!strcmp(part, "line"))
		play_line();
	else if (!strcmp(part, "late"))
		play_late();
	else if (!strcmp(part, "outputs"))
		play_outputs();
	else if (!strcmp(part, "dir"))
		play_dir();
	return 0;
}
