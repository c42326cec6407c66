/* SPDX-License-Identifier: GPL-2.0-only */
/* embed OUTPUT NAME FILE [NAME FILE]...: writes the files as a table in C (bpf/schedulers.h); the build runs it. */
#include <stdio.h>

static int embed(FILE *out, const char *name, const char *path)
{
	FILE *in = fopen(path, "rb");
	int c, n = 0;

	if (!in) {
		perror(path);
		return -1;
	}
	/* libelf reads it in place. */
	fprintf(out, "static const unsigned char elf_%s[] __attribute__((aligned(16))) = {", name);
	while ((c = getc(in)) != EOF)
		fprintf(out, "%s%d,", n++ % 24 ? "" : "\n", c);
	fprintf(out, "\n};\n");
	c = ferror(in);
	fclose(in);
	return c ? -1 : 0;
}

int main(int argc, char **argv)
{
	FILE *out = argc > 1 ? fopen(argv[1], "w") : NULL;

	if (!out) {
		fprintf(stderr, "usage: embed OUTPUT NAME FILE [NAME FILE]...\n");
		return 64;
	}
	fprintf(out, "#include \"bpf/schedulers.h\"\n");
	for (int i = 2; i + 1 < argc; i += 2)
		if (embed(out, argv[i], argv[i + 1]))
			return 1;
	fprintf(out, "const struct scheduler_object scheduler_objects[] = {\n");
	for (int i = 2; i + 1 < argc; i += 2)
		fprintf(out, "\t{ \"%s\", elf_%s, sizeof(elf_%s) },\n", argv[i], argv[i], argv[i]);
	fprintf(out, "\t{ 0 },\n};\n");
	return ferror(out) | fclose(out) ? 1 : 0;
}
