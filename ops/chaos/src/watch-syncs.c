/*
 * Loaded before a server's own libraries (LD_PRELOAD): after each sync of a file that succeeded, the file that
 * CHAOS_SYNCS names gains a line with its inode and how many bytes it had when the sync began. So the harness knows
 * what a power loss cannot take.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static int noted(const char *name, int fd) {
  int (*sync)(int) = (int (*)(int))dlsym(RTLD_NEXT, name);
  struct stat before;
  int known = fstat(fd, &before) == 0 && S_ISREG(before.st_mode);
  int result = sync(fd);
  const char *path = getenv("CHAOS_SYNCS");
  if (result != 0 || !known || !path) return result;
  int notes = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
  char line[64];
  int length = snprintf(line, sizeof line, "%llu %lld\n", (unsigned long long)before.st_ino, (long long)before.st_size);
  if (notes >= 0) {
    if (write(notes, line, length) != length) abort(); /* a missing note would be taken for a loss */
    close(notes);
  }
  return result;
}

int fsync(int fd) { return noted("fsync", fd); }

int fdatasync(int fd) { return noted("fdatasync", fd); }
