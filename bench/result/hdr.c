/* SPDX-License-Identifier: GPL-2.0-only */
#include "bench/result/hdr.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <zlib.h>

#define COOKIE 0x1c849313u	      /* V2 */
#define COOKIE_COMPRESSED 0x1c849314u /* V2, deflated */
#define HEAD 40u
#define DIGITS 3
#define LEB_MAX 9
#define STEPS 5 /* in each half of what is left */

/* --- the encoding ------------------------------------------------------- */

struct bytes {
	uint8_t *data;
	size_t n;
};

static void put_be(struct bytes *b, uint64_t value, unsigned size)
{
	while (size--)
		b->data[b->n++] = (uint8_t)(value >> 8 * size);
}

/* Zig-zag, then 7 bits a byte, of which the ninth has 8. */
static void put_leb(struct bytes *b, int64_t value)
{
	uint64_t v = ((uint64_t)value << 1) ^ (uint64_t)(value >> 63);

	for (unsigned i = 0; i < LEB_MAX - 1; i++) {
		if (v < 0x80) {
			b->data[b->n++] = (uint8_t)v;
			return;
		}
		b->data[b->n++] = (uint8_t)(v | 0x80);
		v >>= 7;
	}
	b->data[b->n++] = (uint8_t)v;
}

/* Counts up to the last that is not 0; several zeros in a row are one negative number. */
static void put_counts(struct bytes *b, const struct hist *h)
{
	unsigned last = HIST_BUCKETS;
	int64_t zeros = 0;

	while (last && !h->bucket[last - 1])
		last--;
	for (unsigned i = 0; i < last; i++) {
		if (!h->bucket[i]) {
			zeros++;
			continue;
		}
		if (zeros)
			put_leb(b, zeros == 1 ? 0 : -zeros);
		zeros = 0;
		put_leb(b, (int64_t)h->bucket[i]);
	}
}

static char *base64(const uint8_t *data, size_t n)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	char *text = malloc((n + 2) / 3 * 4 + 1), *at = text;

	for (size_t i = 0; text && i < n; i += 3) {
		uint32_t v = (uint32_t)data[i] << 16 | (i + 1 < n ? data[i + 1] << 8 : 0) |
			     (i + 2 < n ? data[i + 2] : 0);

		*at++ = digits[v >> 18];
		*at++ = digits[v >> 12 & 63];
		*at++ = i + 1 < n ? digits[v >> 6 & 63] : '=';
		*at++ = i + 2 < n ? digits[v & 63] : '=';
	}
	if (text)
		*at = '\0';
	return text;
}

/* The head is 40 bytes, a count at most 9. */
#define PLAIN_MAX (HEAD + (size_t)HIST_BUCKETS * LEB_MAX)

static void encode_plain(struct bytes *b, const struct hist *h)
{
	struct bytes head = { .data = b->data };
	double ratio = 1;
	uint64_t bits;

	memcpy(&bits, &ratio, sizeof(bits));
	b->n = HEAD;
	put_counts(b, h);
	put_be(&head, COOKIE, 4);
	put_be(&head, b->n - HEAD, 4);
	put_be(&head, 0, 4); /* its offset of indexes */
	put_be(&head, DIGITS, 4);
	put_be(&head, 1, 8);
	put_be(&head, (UINT64_C(1) << HIST_VALUE_BITS) - 1, 8);
	put_be(&head, bits, 8);
}

char *hdr_encode(const struct hist *h)
{
	struct bytes plain = { .data = malloc(PLAIN_MAX) }, packed = { 0 };
	uLongf size;
	char *text = NULL;

	if (!plain.data)
		return NULL;
	encode_plain(&plain, h);
	size = compressBound(plain.n);
	packed.data = malloc(8 + size);
	if (packed.data && compress(packed.data + 8, &size, plain.data, plain.n) == Z_OK) {
		put_be(&packed, COOKIE_COMPRESSED, 4);
		put_be(&packed, size, 4);
		text = base64(packed.data, 8 + size);
	}
	free(packed.data);
	free(plain.data);
	return text;
}

/* --- a log -------------------------------------------------------------- */

void hdr_log_head(FILE *f)
{
	fputs("#[Histogram log format version 1.3]\n"
	      "#[Values in ns; Interval_Max in ms. A line for each boot and workload.]\n"
	      "#[StartTime: 0.000 (seconds since epoch)]\n"
	      "\"StartTimestamp\",\"Interval_Length\",\"Interval_Max\",\"Interval_CompressedHistogram\"\n",
	      f);
}

int hdr_log_line(FILE *f, const char *tag, double start_s, double length_s, const struct hist *h)
{
	char *text = hdr_encode(h);

	if (!text)
		return -ENOMEM;
	fputs("Tag=", f);
	for (; *tag; tag++)
		fputc(*tag > ' ' && *tag != ',' && *tag != '"' && *tag != 0x7f ? *tag : '_', f);
	fprintf(f, ",%.3f,%.3f,%.6f,%s\n", start_s, length_s, (double)h->max / 1e6, text);
	free(text);
	return 0;
}

/* --- a distribution ----------------------------------------------------- */

static double deviation(const struct hist *h)
{
	double sum = 0, mean = hist_mean(h);

	for (unsigned i = 0; i < HIST_BUCKETS; i++)
		if (h->bucket[i])
			sum += (double)h->bucket[i] *
			       pow(((double)hist_lowest(i) + (double)hist_highest(i)) / 2 - mean, 2);
	return h->count ? sqrt(sum / (double)h->count) : 0;
}

static void print_level(FILE *f, const struct hist *h, double level, uint64_t below, uint64_t value)
{
	double capped = (double)(value < h->max ? value : h->max);

	fprintf(f, "%12.3f %2.12f %10llu", capped, level, (unsigned long long)below);
	if (level < 1)
		fprintf(f, " %14.2f", 1 / (1 - level));
	fputc('\n', f);
}

void hdr_distribution(FILE *f, const struct hist *h)
{
	unsigned step = 0; /* after STEPS of them half of the rest is done */
	uint64_t below = 0;
	double level = 0;

	fprintf(f, "%12s %14s %10s %14s\n\n", "Value", "Percentile", "TotalCount", "1/(1-Percentile)");
	for (unsigned i = 0; i < HIST_BUCKETS && below < h->count; i++) {
		if (!h->bucket[i])
			continue;
		below += h->bucket[i];
		/* All levels that this bucket reaches; from the last sample on there is 1 alone. */
		while (below < h->count && level * (double)h->count <= (double)below + 1e-6) {
			print_level(f, h, level, below, hist_highest(i));
			step++;
			level = 1 - (1 - step % STEPS / (2.0 * STEPS)) * pow(0.5, step / STEPS);
		}
		if (below == h->count)
			print_level(f, h, 1, below, hist_highest(i));
	}
	fprintf(f, "#[Mean    = %12.3f, StdDeviation   = %12.3f]\n", hist_mean(h), deviation(h));
	fprintf(f, "#[Max     = %12.3f, Total count    = %12llu]\n", (double)h->max, (unsigned long long)h->count);
	fprintf(f, "#[Buckets = %12d, SubBuckets     = %12u]\n", HIST_VALUE_BITS - HIST_LINEAR_BITS + 1,
		1u << HIST_LINEAR_BITS);
}
