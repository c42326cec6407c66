/* SPDX-License-Identifier: GPL-2.0-only */
/* Puts kernel and initrd into guest memory. Whole pages of the files are mapped if their alignment allows. */
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "kvm/boot.h"

#define PVH_NOTE_TYPE 18 /* XEN_ELFNOTE_PHYS32_ENTRY */
#define XLF_64 (1 << 0)

/* --- files ---------------------------------------------------------------- */

/* Takes ownership of @fd. */
static int image_map_fd(struct image *im, const char *what, const char *path, int fd, struct vm_error *err)
{
	struct stat st;
	int rc = 0;
	void *p;

	*im = (struct image){ .path = path, .fd = fd };
	if (fstat(fd, &st) || !S_ISREG(st.st_mode)) {
		rc = vm_fail(err, EINVAL, "%s: the %s is not a regular file", path, what);
	} else if (st.st_size == 0) {
		rc = vm_fail(err, EINVAL, "%s: the %s is empty", path, what);
	} else {
		p = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
		if (p == MAP_FAILED) {
			rc = vm_fail(err, errno, "%s: cannot map the %s: %s", path, what, strerror(errno));
		} else {
			im->data = p;
			im->size = (size_t)st.st_size;
		}
	}
	if (rc)
		close(fd);
	return rc;
}

static int image_map(struct image *im, const char *what, const char *path, struct vm_error *err)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return vm_fail(err, errno, "%s: cannot open the %s: %s", path, what, strerror(errno));
	return image_map_fd(im, what, path, fd, err);
}

static void image_unmap(struct image *im)
{
	if (im->data && im->fd >= 0) {
		munmap((void *)im->data, im->size);
		close(im->fd);
	}
	im->data = NULL;
}

/* By pread(), not from the mapping: that saves a page fault for each 64 KiB. */
static int copy_file(uint8_t *to, const struct image *im, uint64_t offset, uint64_t len, struct vm_error *err)
{
	while (len) {
		ssize_t n = pread(im->fd, to, len, (off_t)offset);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return vm_fail(err, errno, "%s: %s", im->path, strerror(errno));
		if (!n)
			return vm_fail(err, EINVAL, "%s: it has become shorter while it was read", im->path);
		to += n;
		offset += (uint64_t)n;
		len -= (uint64_t)n;
	}
	return 0;
}

/* Put @len bytes of @im at @gpa, which is RAM: map whole pages of the file, copy the rest. */
static int place_image(const struct boot *b, uint64_t gpa, const struct image *im, uint64_t offset, uint64_t len,
		       struct vm_error *err)
{
	uint64_t whole = im->fd >= 0 ? len & ~0xfffull : 0, rest;
	uint8_t *to;

	if (!whole || !ram_map_file(b->vm, gpa, whole, im->fd, offset))
		whole = 0;
	rest = len - whole;
	if (!rest)
		return 0;
	to = low(b, gpa + whole, rest);
	if (im->fd >= 0)
		return copy_file(to, im, offset + whole, rest, err);
	memcpy(to, im->data + offset, rest);
	return 0;
}

/* --- bzImage --------------------------------------------------------------- */

static bool is_bzimage(const struct image *k)
{
	return k->size > 0x268 && !memcmp(k->data + 0x202, "HdrS", 4);
}

static int too_long(const struct boot *b, unsigned max, struct vm_error *err)
{
	return vm_fail_as(err, VM_FAULT_CMDLINE, E2BIG, "kernel command line: %zu bytes; %s takes at most %u",
			  strlen(b->cmdline), b->kernel.path, max);
}

static int load_bzimage(struct boot *b, struct vm_error *err)
{
	const struct image *k = &b->kernel;
	struct setup_header *h = &b->header;
	size_t setup, payload, available;
	uint8_t *dst;

	memcpy(h, k->data + 0x1f1, sizeof *h);
	if (h->version < 0x20c || !(h->xloadflags & XLF_64) || !(h->loadflags & LOADED_HIGH))
		return vm_fail_as(
			err, VM_FAULT_NO_KERNEL, EINVAL,
			"%s: this bzImage has no 64-bit entry (boot protocol %u.%02u), which x86-64 kernels have",
			k->path, h->version >> 8, h->version & 0xff);
	setup = ((h->setup_sects ? h->setup_sects : 4) + 1u) * 512u;
	payload = (size_t)h->syssize * 16;
	/* syssize counts paragraphs, so the file may end within the last one. */
	available = k->size > setup ? k->size - setup : 0;
	if (payload > available + 15)
		return vm_fail_as(err, VM_FAULT_TRUNCATED_KERNEL, EINVAL,
				  "%s: truncated kernel: %zu bytes of %zu are there", k->path, k->size,
				  setup + payload);
	if (payload > available)
		payload = available;
	/* The decompressor works in place: it needs init_size bytes from its load address, and from the preferred
	 * address if it moves there. */
	b->kernel_end = (h->pref_address > KERNEL_ADDR ? h->pref_address : KERNEL_ADDR) + h->init_size;
	b->initrd_max = (uint64_t)h->initrd_addr_max + 1;
	dst = low(b, KERNEL_ADDR, payload);
	if (!dst || !low(b, b->kernel_end - 1, 1))
		return vm_fail_as(err, VM_FAULT_GUEST_MEMORY, ENOSPC,
				  "%s: the kernel needs %llu MiB and the guest has %llu", k->path,
				  (unsigned long long)(b->kernel_end >> 20) + 1,
				  (unsigned long long)(b->vm->ram_size >> 20));
	memcpy(dst, k->data + setup, payload);
	b->entry = KERNEL_ADDR + 0x200;
	if (h->cmdline_size && strlen(b->cmdline) > h->cmdline_size)
		return too_long(b, h->cmdline_size, err);
	return 0;
}

/* --- ELF with a PVH note ---------------------------------------------------- */

static bool is_elf(const struct image *k)
{
	return k->size > sizeof(Elf64_Ehdr) && !memcmp(k->data, ELFMAG, SELFMAG);
}

static bool within_image(const struct image *k, uint64_t offset, uint64_t len)
{
	return offset <= k->size && len <= k->size - offset;
}

static bool find_pvh_entry(const struct image *k, const Elf64_Phdr *ph, uint64_t *entry)
{
	uint64_t at = ph->p_offset, end = ph->p_offset + ph->p_filesz;

	while (at + sizeof(Elf64_Nhdr) <= end) {
		Elf64_Nhdr n;
		uint64_t name, desc;

		memcpy(&n, k->data + at, sizeof n);
		name = at + sizeof n;
		desc = name + ((n.n_namesz + 3ull) & ~3ull);
		at = desc + ((n.n_descsz + 3ull) & ~3ull);
		if (desc + n.n_descsz > end)
			return false;
		if (n.n_type == PVH_NOTE_TYPE && n.n_namesz == 4 && !memcmp(k->data + name, "Xen", 4) &&
		    (n.n_descsz == 4 || n.n_descsz == 8)) {
			*entry = 0;
			memcpy(entry, k->data + desc, n.n_descsz);
			return true;
		}
	}
	return false;
}

static int load_segment(struct boot *b, const Elf64_Phdr *ph, struct vm_error *err)
{
	const struct image *k = &b->kernel;

	if (!ph->p_memsz)
		return 0;
	if (!within_image(k, ph->p_offset, ph->p_filesz) || ph->p_filesz > ph->p_memsz)
		return vm_fail_as(err, VM_FAULT_TRUNCATED_KERNEL, EINVAL,
				  "%s: truncated kernel: a segment is not in the file", k->path);
	if (!low(b, ph->p_paddr, ph->p_memsz) || ph->p_paddr < KERNEL_ADDR)
		return vm_fail_as(err, VM_FAULT_GUEST_MEMORY, ENOSPC,
				  "%s: a kernel segment at 0x%llx (%llu MiB) is outside guest memory", k->path,
				  (unsigned long long)ph->p_paddr, (unsigned long long)(ph->p_memsz >> 20));
	if (ph->p_paddr + ph->p_memsz > b->kernel_end)
		b->kernel_end = ph->p_paddr + ph->p_memsz;
	return place_image(b, ph->p_paddr, k, ph->p_offset, ph->p_filesz, err); /* the rest of fresh memory is zero */
}

/* An ELF does not state its limit; Linux with a longer command line dies before it has a console. */
#define ELF_CMDLINE_MAX 2047u /* COMMAND_LINE_SIZE of arch/x86, without the NUL */

static int load_elf(struct boot *b, struct vm_error *err)
{
	const struct image *k = &b->kernel;
	Elf64_Ehdr eh;
	bool found = false;
	int rc = 0;

	if (strlen(b->cmdline) > ELF_CMDLINE_MAX)
		return too_long(b, ELF_CMDLINE_MAX, err);
	memcpy(&eh, k->data, sizeof eh);
	if (eh.e_ident[EI_CLASS] != ELFCLASS64 || eh.e_machine != EM_X86_64)
		return vm_fail(err, EINVAL, "%s: not an x86-64 ELF; ktstr needs an x86-64 kernel", k->path);
	if (eh.e_phentsize != sizeof(Elf64_Phdr) ||
	    !within_image(k, eh.e_phoff, (uint64_t)eh.e_phnum * sizeof(Elf64_Phdr)))
		return vm_fail(err, EINVAL, "%s: truncated kernel: no program headers; fetch it again", k->path);
	/* An ELF without the note is no kernel: do not judge its segments. */
	for (unsigned i = 0; i < eh.e_phnum && !found; i++) {
		Elf64_Phdr ph;

		memcpy(&ph, k->data + eh.e_phoff + i * sizeof ph, sizeof ph);
		if (ph.p_type == PT_NOTE && within_image(k, ph.p_offset, ph.p_filesz))
			found = find_pvh_entry(k, &ph, &b->entry);
	}
	if (!found)
		return vm_fail(err, EINVAL,
			       "%s: an ELF without a PVH note: no kernel, or one that was built without CONFIG_PVH; "
			       "use a vmlinuz or bzImage",
			       k->path);
	for (unsigned i = 0; i < eh.e_phnum && !rc; i++) {
		Elf64_Phdr ph;

		memcpy(&ph, k->data + eh.e_phoff + i * sizeof ph, sizeof ph);
		if (ph.p_type == PT_LOAD)
			rc = load_segment(b, &ph, err);
	}
	b->pvh = true;
	b->initrd_max = GAP_START;
	return rc;
}

static int map_kernel(struct boot *b, struct vm_error *err)
{
	const struct vm_config *cfg = &b->vm->cfg;
	int fd;

	if (!cfg->kernel_fd)
		return image_map(&b->kernel, "kernel", cfg->kernel, err);
	fd = fcntl(cfg->kernel_fd, F_DUPFD_CLOEXEC, 0);
	if (fd < 0)
		return vm_fail(err, errno, "%s: %s", cfg->kernel, strerror(errno));
	return image_map_fd(&b->kernel, "kernel", cfg->kernel, fd, err);
}

int load_kernel(struct boot *b, struct vm_error *err)
{
	int rc = map_kernel(b, err);

	if (rc)
		return rc;
	if (is_bzimage(&b->kernel))
		return load_bzimage(b, err);
	if (is_elf(&b->kernel))
		return load_elf(b, err);
	return vm_fail_as(err, VM_FAULT_NO_KERNEL, EINVAL, "%s: not a kernel (neither bzImage nor ELF)",
			  b->vm->cfg.kernel);
}

/* --- initrd ------------------------------------------------------------------- */

static uint64_t page_up(uint64_t n)
{
	return (n + 0xfff) & ~0xfffull;
}

static int map_initrd(struct boot *b, struct vm_error *err)
{
	const struct vm_config *cfg = &b->vm->cfg;
	struct image *im = b->initrd;
	int rc = 0;

	if (cfg->initrd)
		rc = image_map(im++, "initrd", cfg->initrd, err);
	if (!rc && cfg->initrd_fd) {
		int fd = fcntl(cfg->initrd_fd, F_DUPFD_CLOEXEC, 0);

		rc = fd < 0 ? vm_fail(err, errno, "initrd: %s", strerror(errno))
			    : image_map_fd(im++, "initrd", "initrd", fd, err);
	}
	if (!rc && cfg->initrd_data)
		*im = (struct image){ "initrd", cfg->initrd_data, cfg->initrd_size, -1 };
	return rc;
}

/* Linux skips zeroes between archives, so each part may start on a page boundary. */
int load_initrd(struct boot *b, struct vm_error *err)
{
	uint64_t top = b->vm->mem.region[0].size, at, floor = page_up(b->kernel_end), size = 0;
	int rc = map_initrd(b, err);

	if (rc)
		return rc;
	for (unsigned i = 0; i < INITRD_PARTS; i++)
		if (b->initrd[i].size) {
			size = page_up(size);
			b->initrd_size = size + b->initrd[i].size;
			size = b->initrd_size;
		}
	if (!size)
		return 0;
	if (top > b->initrd_max)
		top = b->initrd_max;
	at = (top - size) & ~0xfffull;
	if (size > top || at < floor)
		return vm_fail_as(err, VM_FAULT_GUEST_MEMORY, ENOSPC,
				  "%s: the initrd (%llu MiB) does not fit above the kernel (%llu MiB) in %llu MiB of "
				  "guest memory",
				  b->initrd[0].path, (unsigned long long)(size >> 20) + 1,
				  (unsigned long long)(floor >> 20), (unsigned long long)(b->vm->ram_size >> 20));
	b->initrd_addr = at;
	for (unsigned i = 0; i < INITRD_PARTS && !rc; i++) {
		rc = place_image(b, at, &b->initrd[i], 0, b->initrd[i].size, err);
		at += page_up(b->initrd[i].size);
	}
	return rc;
}

void load_done(struct boot *b)
{
	image_unmap(&b->kernel);
	for (unsigned i = 0; i < INITRD_PARTS; i++)
		image_unmap(&b->initrd[i]);
}
