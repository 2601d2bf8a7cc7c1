/* Preloaded into a program under test: makes system calls fail, and keeps what a power cut would
 * forget. Only what concerns paths below given directories is touched. By environment:
 *
 * SYNCLINE_CALLS_BELOW=DIR[:DIR...]     the directories, absolute and without links
 *
 * SYNCLINE_CALLS_FAIL=NTH:ERRNO[:on]    the NTH call that changes something there fails with ERRNO
 *                                       (a number); with "on" all later ones, too
 * SYNCLINE_CALLS_READS=1                with the above: calls that only read count and fail as well
 * SYNCLINE_CALLS_COUNT=FILE             FILE receives a line for each call that counts: its name
 * and path, and "failed" where it was made to
 *
 * SYNCLINE_CALLS_UNDO=DIR               before each change of a directory entry DIR/journal gets a
 *                                       line that says what was there (DIR/<number> keeps content):
 *     NUMBER KIND MODE MTIME_NS TORN INODE WITH HEXPATH   KIND: none, file, dir, link (then
 *                                       DIR/<number> is its target); TORN: 1 if the content that
 *                                       the change gives this name was not made durable before;
 *                                       INODE: of that content, 0 for none; WITH: the number of
 *                                       the change that is one step with this one, or -
 *     flushed HEXPATH                   a successful syncfs by something in that directory of
 *                                       SYNCLINE_CALLS_BELOW: as if it were a file system
 *     entries HEXPATH                   a successful fsync of a directory, for the names in it
 *     named NUMBER INODE                that change made a file, which is empty as far as it is
 *                                       durable
 *     durable INODE                     a successful fsync of a file that was not
 *
 * SYNCLINE_CALLS_CLOCK=SECONDS          the time of day is that much later (or earlier, if
 * negative)
 *
 * Written in C without its own allocations, because it runs inside of others' calls. The program
 * and its libraries must reach the system through libc; sanitizers do. Threads: any; the journal
 * and the change it tells of are one step under a lock.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/fs.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#define PATH_BYTES 8192
#define MOST_DIRECTORIES 8
#define MOST_DIRTY 4096

enum { kReads = 0, kChanges = 1 };

static struct {
    char below[MOST_DIRECTORIES][PATH_MAX];
    int directories;
    long fail_at;
    int fail_errno;
    int fail_on;
    int reads;
    long clock_s;
    char count[PATH_MAX];
    char undo[PATH_MAX];
} wish;

static pthread_once_t once = PTHREAD_ONCE_INIT;
static atomic_long calls_seen;
static pthread_mutex_t undo_lock = PTHREAD_MUTEX_INITIALIZER;
static long undo_number;
static struct {
    ino_t inode;
    int root; /* of wish.below */
} dirty[MOST_DIRTY];
static int dirty_count;

static void read_wish(void) {
    const char* below = getenv("SYNCLINE_CALLS_BELOW");
    while (below != NULL && *below != '\0' && wish.directories < MOST_DIRECTORIES) {
        const size_t size = strcspn(below, ":");
        if (size > 0 && size < PATH_MAX) {
            memcpy(wish.below[wish.directories++], below, size);
        }
        below += size + (below[size] == ':');
    }
    const char* fail = getenv("SYNCLINE_CALLS_FAIL");
    if (fail != NULL) {
        char* end = NULL;
        wish.fail_at = strtol(fail, &end, 10);
        if (end != NULL && *end == ':') {
            wish.fail_errno = (int)strtol(end + 1, &end, 10);
            wish.fail_on = end != NULL && strcmp(end, ":on") == 0;
        }
    }
    wish.reads = getenv("SYNCLINE_CALLS_READS") != NULL;
    const char* clock_s = getenv("SYNCLINE_CALLS_CLOCK");
    wish.clock_s = clock_s != NULL ? strtol(clock_s, NULL, 10) : 0;
    const char* count = getenv("SYNCLINE_CALLS_COUNT");
    if (count != NULL) {
        snprintf(wish.count, sizeof wish.count, "%s", count);
    }
    const char* undo = getenv("SYNCLINE_CALLS_UNDO");
    if (undo != NULL) {
        snprintf(wish.undo, sizeof wish.undo, "%s", undo);
    }
}

/* The next definition of a function: a sanitizer's, or libc's. */
#define NEXT(name)                                                                                 \
    static __typeof__(name)* next;                                                                 \
    if (next == NULL) {                                                                            \
        *(void**)&next = dlsym(RTLD_NEXT, #name);                                                  \
    }

static int raw_open(const char* path, int flags) {
    return (int)syscall(SYS_openat, AT_FDCWD, path, flags | O_CLOEXEC, 0600);
}

/* Where a name below a directory descriptor is. 0, or -1 if that cannot be told. */
static int path_at(int directory, const char* name, char* out) {
    char link[64];
    size_t used = 0;
    if (name != NULL && name[0] == '/') {
        return snprintf(out, PATH_BYTES, "%s", name) < PATH_BYTES ? 0 : -1;
    }
    if (directory == AT_FDCWD) {
        snprintf(link, sizeof link, "/proc/self/cwd");
    } else {
        snprintf(link, sizeof link, "/proc/self/fd/%d", directory);
    }
    const long got = syscall(SYS_readlinkat, AT_FDCWD, link, out, PATH_BYTES - 1);
    if (got <= 0) {
        return -1;
    }
    used = (size_t)got;
    out[used] = '\0';
    if (name != NULL && name[0] != '\0' && strcmp(name, ".") != 0) {
        const int added = snprintf(out + used, PATH_BYTES - used, "/%s", name);
        return added > 0 && (size_t)added < PATH_BYTES - used ? 0 : -1;
    }
    return 0;
}

/* Which of wish.below it is, or is in; -1: none. */
static int root_of(const char* path) {
    for (int i = 0; i < wish.directories; ++i) {
        const size_t size = strlen(wish.below[i]);
        if (strncmp(path, wish.below[i], size) == 0 && (path[size] == '/' || path[size] == '\0')) {
            return i;
        }
    }
    return -1;
}

static int is_below(const char* path) { return root_of(path) >= 0; }

/* Counts the call if it concerns us; true if it is to fail, errno is then set. */
static int strikes(const char* call, int changes, int directory, const char* name) {
    pthread_once(&once, read_wish);
    if (wish.directories == 0 || (wish.fail_at == 0 && wish.count[0] == '\0') ||
        (!changes && !wish.reads)) {
        return 0;
    }
    const int saved = errno;
    char path[PATH_BYTES];
    if (path_at(directory, name, path) != 0 || !is_below(path)) {
        errno = saved;
        return 0;
    }
    const long number = atomic_fetch_add(&calls_seen, 1) + 1;
    const int fails =
        wish.fail_at != 0 && (number == wish.fail_at || (wish.fail_on && number > wish.fail_at));
    if (wish.count[0] != '\0') {
        char line[PATH_BYTES + 128];
        const int size =
            snprintf(line, sizeof line, "%s %s%s\n", call, path, fails ? " failed" : "");
        const int log = raw_open(wish.count, O_WRONLY | O_CREAT | O_APPEND);
        if (log >= 0) {
            (void)!syscall(SYS_write, log, line, (size_t)size);
            syscall(SYS_close, log);
        }
    }
    errno = fails ? wish.fail_errno : saved;
    return fails;
}

/* --- What a power cut would forget --- */

static int keeps_undo(void) {
    pthread_once(&once, read_wish);
    return wish.undo[0] != '\0';
}

static void copy_content(const char* from, const char* to) {
    char buffer[65536];
    const int in = raw_open(from, O_RDONLY | O_NOFOLLOW);
    const int out = raw_open(to, O_WRONLY | O_CREAT | O_TRUNC);
    long got = 0;
    while (in >= 0 && out >= 0 && (got = syscall(SYS_read, in, buffer, sizeof buffer)) > 0) {
        (void)!syscall(SYS_write, out, buffer, (size_t)got);
    }
    syscall(SYS_close, in);
    syscall(SYS_close, out);
}

static void append_line(const char* line) {
    char path[PATH_MAX + 16];
    snprintf(path, sizeof path, "%s/journal", wish.undo);
    const int journal = raw_open(path, O_WRONLY | O_CREAT | O_APPEND);
    if (journal >= 0) {
        (void)!syscall(SYS_write, journal, line, strlen(line));
        syscall(SYS_close, journal);
    }
}

/* Appends the path in hex and the end of the line. */
static void append_path_line(char* line, size_t size, int used, const char* path) {
    for (const char* at = path; *at != '\0'; ++at) {
        used += snprintf(line + used, size - (size_t)used, "%02x", (unsigned char)*at);
    }
    line[used] = '\n';
    line[used + 1] = '\0';
    append_line(line);
}

static int find_dirty(ino_t inode) {
    for (int i = 0; i < dirty_count; ++i) {
        if (dirty[i].inode == inode) {
            return i;
        }
    }
    return -1;
}

/* With undo_lock held. `inode` is what the change gives the name; 0: nothing with content. `with`
 * is the number of the change that is one step with this one, or -1. The number of this one. */
static long remember_with(long with, int directory, const char* name, ino_t inode) {
    char path[PATH_BYTES];
    if (path_at(directory, name, path) != 0 || !is_below(path)) {
        return -1;
    }
    char kept[PATH_MAX + 32];
    char line[2 * PATH_BYTES + 192];
    struct stat state;
    const char* kind = "none";
    memset(&state, 0, sizeof state);
    const long number = undo_number++;
    snprintf(kept, sizeof kept, "%s/%ld", wish.undo, number);
    if (syscall(SYS_newfstatat, AT_FDCWD, path, &state, AT_SYMLINK_NOFOLLOW) == 0) {
        if (S_ISDIR(state.st_mode)) {
            kind = "dir";
        } else if (S_ISLNK(state.st_mode)) {
            char target[PATH_MAX];
            const long size = syscall(SYS_readlinkat, AT_FDCWD, path, target, sizeof target);
            const int out = raw_open(kept, O_WRONLY | O_CREAT | O_TRUNC);
            if (size > 0 && out >= 0) {
                (void)!syscall(SYS_write, out, target, (size_t)size);
            }
            syscall(SYS_close, out);
            kind = "link";
        } else {
            copy_content(path, kept);
            kind = "file";
        }
    }
    char partner[24] = "-";
    if (with >= 0) {
        snprintf(partner, sizeof partner, "%ld", with);
    }
    const int used =
        snprintf(line, sizeof line, "%ld %s %o %lld %d %lu %s ", number, kind,
                 (unsigned)state.st_mode & 07777U,
                 (long long)state.st_mtim.tv_sec * 1000000000LL + state.st_mtim.tv_nsec,
                 inode != 0 && find_dirty(inode) >= 0, (unsigned long)inode, partner);
    append_path_line(line, sizeof line, used, path);
    return number;
}

static void remember(int directory, const char* name, ino_t inode) {
    (void)remember_with(-1, directory, name, inode);
}

/* Both ends of a rename, which no file system does by halves. */
static void remember_rename(int from, const char* from_name, int to, const char* to_name,
                            ino_t inode) {
    const long first = remember_with(-1, from, from_name, 0);
    (void)remember_with(first, to, to_name, inode);
}

static ino_t inode_at(int directory, const char* name, int flags) {
    struct stat state;
    return syscall(SYS_newfstatat, directory, name, &state, flags) == 0 && S_ISREG(state.st_mode)
               ? state.st_ino
               : 0;
}

/* With undo_lock held. */
static void now_dirty(ino_t inode, int root) {
    if (inode != 0 && find_dirty(inode) < 0 && dirty_count < MOST_DIRTY) {
        dirty[dirty_count].inode = inode;
        dirty[dirty_count++].root = root;
    }
}

static void content_changed(int fd) {
    if (!keeps_undo()) {
        return;
    }
    const int saved = errno;
    const ino_t inode = inode_at(fd, "", AT_EMPTY_PATH);
    char path[PATH_BYTES];
    if (inode != 0 && path_at(fd, "", path) == 0 && is_below(path)) {
        pthread_mutex_lock(&undo_lock);
        now_dirty(inode, root_of(path));
        pthread_mutex_unlock(&undo_lock);
    }
    errno = saved;
}

static void made_durable(int fd) {
    if (!keeps_undo()) {
        return;
    }
    const int saved = errno;
    char path[PATH_BYTES];
    char line[2 * PATH_BYTES + 32];
    struct stat state;
    if (syscall(SYS_newfstatat, fd, "", &state, AT_EMPTY_PATH) == 0 && path_at(fd, "", path) == 0) {
        pthread_mutex_lock(&undo_lock);
        const int at = find_dirty(state.st_ino);
        if (S_ISDIR(state.st_mode)) {
            append_path_line(line, sizeof line, snprintf(line, sizeof line, "entries "), path);
        } else if (at >= 0) {
            dirty[at] = dirty[--dirty_count];
            snprintf(line, sizeof line, "durable %lu\n", (unsigned long)state.st_ino);
            append_line(line);
        }
        pthread_mutex_unlock(&undo_lock);
    }
    errno = saved;
}

static void flushed(int fd) {
    if (!keeps_undo()) {
        return;
    }
    const int saved = errno;
    char path[PATH_BYTES];
    char line[2 * PATH_BYTES + 16];
    const int root = path_at(fd, "", path) == 0 ? root_of(path) : -1;
    if (root >= 0) {
        pthread_mutex_lock(&undo_lock);
        for (int i = dirty_count; i-- > 0;) {
            if (dirty[i].root == root) {
                dirty[i] = dirty[--dirty_count];
            }
        }
        append_path_line(line, sizeof line, snprintf(line, sizeof line, "flushed "),
                         wish.below[root]);
        pthread_mutex_unlock(&undo_lock);
    }
    errno = saved;
}

/* A file that an open makes: a name of its own, and nothing in it that is durable. */
static int open_and_remember(int (*make)(int, const char*, int, unsigned), int directory,
                             const char* path, int flags, unsigned mode) {
    struct stat state;
    if ((flags & O_CREAT) == 0 || !keeps_undo() ||
        syscall(SYS_newfstatat, directory, path, &state, AT_SYMLINK_NOFOLLOW) == 0) {
        return make(directory, path, flags, mode);
    }
    pthread_mutex_lock(&undo_lock);
    const long number = remember_with(-1, directory, path, 0);
    const int fd = make(directory, path, flags, mode);
    if (fd >= 0 && number >= 0) {
        const int saved = errno;
        const ino_t inode = inode_at(fd, "", AT_EMPTY_PATH);
        char full[PATH_BYTES];
        char line[64];
        now_dirty(inode, path_at(fd, "", full) == 0 ? root_of(full) : -1);
        snprintf(line, sizeof line, "named %ld %lu\n", number, (unsigned long)inode);
        append_line(line);
        errno = saved;
    }
    pthread_mutex_unlock(&undo_lock);
    return fd;
}

/* Makes the change and its journal one step. */
#define WITH_UNDO(remembering, change)                                                             \
    if (!keeps_undo()) {                                                                           \
        return change;                                                                             \
    }                                                                                              \
    pthread_mutex_lock(&undo_lock);                                                                \
    remembering;                                                                                   \
    const int result = (int)(change);                                                              \
    pthread_mutex_unlock(&undo_lock);                                                              \
    return result

/* --- The calls --- */

static int changes_by_open(int flags) {
    return (flags & (O_CREAT | O_TRUNC)) != 0 || (flags & O_TMPFILE) == O_TMPFILE;
}

static unsigned mode_of(int flags, va_list* list) {
    const int takes_mode = (flags & O_CREAT) != 0 || (flags & O_TMPFILE) == O_TMPFILE;
    return takes_mode ? va_arg(*list, unsigned) : 0;
}

#define DEFINE_OPEN(name)                                                                          \
    static int (*next_##name)(const char*, int, ...);                                              \
    static int make_by_##name(int directory, const char* path, int flags, unsigned mode) {         \
        (void)directory;                                                                           \
        return next_##name(path, flags, mode);                                                     \
    }                                                                                              \
    int name(const char* path, int flags, ...) {                                                   \
        NEXT(name)                                                                                 \
        next_##name = next;                                                                        \
        va_list list;                                                                              \
        va_start(list, flags);                                                                     \
        const unsigned mode = mode_of(flags, &list);                                               \
        va_end(list);                                                                              \
        return strikes(#name, changes_by_open(flags), AT_FDCWD, path)                              \
                   ? -1                                                                            \
                   : open_and_remember(make_by_##name, AT_FDCWD, path, flags, mode);               \
    }
DEFINE_OPEN(open)
DEFINE_OPEN(open64)

#define DEFINE_OPENAT(name)                                                                        \
    static int (*next_##name)(int, const char*, int, ...);                                         \
    static int make_by_##name(int directory, const char* path, int flags, unsigned mode) {         \
        return next_##name(directory, path, flags, mode);                                          \
    }                                                                                              \
    int name(int directory, const char* path, int flags, ...) {                                    \
        NEXT(name)                                                                                 \
        next_##name = next;                                                                        \
        va_list list;                                                                              \
        va_start(list, flags);                                                                     \
        const unsigned mode = mode_of(flags, &list);                                               \
        va_end(list);                                                                              \
        return strikes(#name, changes_by_open(flags), directory, path)                             \
                   ? -1                                                                            \
                   : open_and_remember(make_by_##name, directory, path, flags, mode);              \
    }
DEFINE_OPENAT(openat)
DEFINE_OPENAT(openat64)

/* openat2 has no function in libc. */
long syscall(long number, ...) {
    NEXT(syscall)
    va_list list;
    va_start(list, number);
    long a[6];
    for (int i = 0; i < 6; ++i) {
        a[i] = va_arg(list, long);
    }
    va_end(list);
    if (number == SYS_openat2 && strikes("openat2", 0, (int)a[0], (const char*)a[1])) { /* NOLINT */
        return -1;
    }
    return next(number, a[0], a[1], a[2], a[3], a[4], a[5]);
}

ssize_t write(int fd, const void* data, size_t size) {
    NEXT(write)
    if (strikes("write", kChanges, fd, "")) {
        return -1;
    }
    const ssize_t done = next(fd, data, size);
    content_changed(fd);
    return done;
}

#define DEFINE_PWRITE(name, offset_type)                                                           \
    ssize_t name(int fd, const void* data, size_t size, offset_type at) {                          \
        NEXT(name)                                                                                 \
        if (strikes(#name, kChanges, fd, "")) {                                                    \
            return -1;                                                                             \
        }                                                                                          \
        const ssize_t done = next(fd, data, size, at);                                             \
        content_changed(fd);                                                                       \
        return done;                                                                               \
    }
DEFINE_PWRITE(pwrite, off_t)
DEFINE_PWRITE(pwrite64, off64_t)

ssize_t copy_file_range(int in, off64_t* in_at, int out, off64_t* out_at, size_t size,
                        unsigned flags) {
    NEXT(copy_file_range)
    if (strikes("copy_file_range", kChanges, out, "")) {
        return -1;
    }
    const ssize_t done = next(in, in_at, out, out_at, size, flags);
    content_changed(out);
    return done;
}

#define DEFINE_ON_FD(name)                                                                         \
    int name(int fd) {                                                                             \
        NEXT(name)                                                                                 \
        if (strikes(#name, kChanges, fd, "")) {                                                    \
            return -1;                                                                             \
        }                                                                                          \
        const int done = next(fd);                                                                 \
        if (done == 0) {                                                                           \
            made_durable(fd);                                                                      \
        }                                                                                          \
        return done;                                                                               \
    }
DEFINE_ON_FD(fsync)
DEFINE_ON_FD(fdatasync)

int syncfs(int fd) {
    NEXT(syncfs)
    if (strikes("syncfs", kChanges, fd, "")) {
        return -1;
    }
    const int done = next(fd);
    if (done == 0) {
        flushed(fd);
    }
    return done;
}

int ftruncate64(int fd, off64_t size) {
    NEXT(ftruncate64)
    return strikes("ftruncate64", kChanges, fd, "") ? -1 : next(fd, size);
}
int ftruncate(int fd, off_t size) {
    NEXT(ftruncate)
    return strikes("ftruncate", kChanges, fd, "") ? -1 : next(fd, size);
}
int fchmod(int fd, mode_t mode) {
    NEXT(fchmod)
    return strikes("fchmod", kChanges, fd, "") ? -1 : next(fd, mode);
}
int futimens(int fd, const struct timespec times[2]) {
    NEXT(futimens)
    return strikes("futimens", kChanges, fd, "") ? -1 : next(fd, times);
}
int utimensat(int directory, const char* name, const struct timespec times[2], int flags) {
    NEXT(utimensat)
    return strikes("utimensat", kChanges, directory, name) ? -1
                                                           : next(directory, name, times, flags);
}

int linkat(int from, const char* from_name, int to, const char* to_name, int flags) {
    NEXT(linkat)
    if (strikes("linkat", kChanges, to, to_name)) {
        return -1;
    }
    const int look =
        (flags & AT_EMPTY_PATH) | ((flags & AT_SYMLINK_FOLLOW) != 0 ? 0 : AT_SYMLINK_NOFOLLOW);
    WITH_UNDO(remember(to, to_name, inode_at(from, from_name, look)),
              next(from, from_name, to, to_name, flags));
}
int renameat2(int from, const char* from_name, int to, const char* to_name, unsigned flags) {
    NEXT(renameat2)
    if (strikes("renameat2", kChanges, to, to_name)) {
        return -1;
    }
    if ((flags & RENAME_EXCHANGE) != 0) { /* by halves it leaves more names of one, not fewer */
        WITH_UNDO(remember(from, from_name, 0);
                  remember(to, to_name, inode_at(from, from_name, AT_SYMLINK_NOFOLLOW)),
                  next(from, from_name, to, to_name, flags));
    }
    WITH_UNDO(remember_rename(from, from_name, to, to_name,
                              inode_at(from, from_name, AT_SYMLINK_NOFOLLOW)),
              next(from, from_name, to, to_name, flags));
}
int renameat(int from, const char* from_name, int to, const char* to_name) {
    NEXT(renameat)
    if (strikes("renameat", kChanges, to, to_name)) {
        return -1;
    }
    WITH_UNDO(remember_rename(from, from_name, to, to_name,
                              inode_at(from, from_name, AT_SYMLINK_NOFOLLOW)),
              next(from, from_name, to, to_name));
}
int rename(const char* from, const char* to) {
    NEXT(rename)
    if (strikes("rename", kChanges, AT_FDCWD, to)) {
        return -1;
    }
    WITH_UNDO(remember_rename(AT_FDCWD, from, AT_FDCWD, to,
                              inode_at(AT_FDCWD, from, AT_SYMLINK_NOFOLLOW)),
              next(from, to));
}
int link(const char* from, const char* to) {
    NEXT(link)
    if (strikes("link", kChanges, AT_FDCWD, to)) {
        return -1;
    }
    WITH_UNDO(remember(AT_FDCWD, to, inode_at(AT_FDCWD, from, AT_SYMLINK_NOFOLLOW)),
              next(from, to));
}
int ioctl(int fd, unsigned long request, ...) {
    NEXT(ioctl)
    va_list list;
    va_start(list, request);
    void* argument = va_arg(list, void*);
    va_end(list);
    const int done = next(fd, request, argument);
    if (done == 0 && request == FICLONE) {
        content_changed(fd);
    }
    return done;
}
int unlinkat(int directory, const char* name, int flags) {
    NEXT(unlinkat)
    if (strikes("unlinkat", kChanges, directory, name)) {
        return -1;
    }
    WITH_UNDO(remember(directory, name, 0), next(directory, name, flags));
}
int unlink(const char* path) {
    NEXT(unlink)
    if (strikes("unlink", kChanges, AT_FDCWD, path)) {
        return -1;
    }
    WITH_UNDO(remember(AT_FDCWD, path, 0), next(path));
}
int symlinkat(const char* target, int directory, const char* name) {
    NEXT(symlinkat)
    if (strikes("symlinkat", kChanges, directory, name)) {
        return -1;
    }
    WITH_UNDO(remember(directory, name, 0), next(target, directory, name));
}
int mkdirat(int directory, const char* name, mode_t mode) {
    NEXT(mkdirat)
    if (strikes("mkdirat", kChanges, directory, name)) {
        return -1;
    }
    WITH_UNDO(remember(directory, name, 0), next(directory, name, mode));
}
int mkdir(const char* path, mode_t mode) {
    NEXT(mkdir)
    if (strikes("mkdir", kChanges, AT_FDCWD, path)) {
        return -1;
    }
    WITH_UNDO(remember(AT_FDCWD, path, 0), next(path, mode));
}

/* --- Calls that only read --- */

ssize_t read(int fd, void* data, size_t size) {
    NEXT(read)
    return strikes("read", kReads, fd, "") ? -1 : next(fd, data, size);
}
#define DEFINE_PREAD(name, offset_type)                                                            \
    ssize_t name(int fd, void* data, size_t size, offset_type at) {                                \
        NEXT(name)                                                                                 \
        return strikes(#name, kReads, fd, "") ? -1 : next(fd, data, size, at);                     \
    }
DEFINE_PREAD(pread, off_t)
DEFINE_PREAD(pread64, off64_t)

int statx(int directory, const char* name, int flags, unsigned mask, struct statx* out) {
    NEXT(statx)
    return strikes("statx", kReads, directory, name) ? -1 : next(directory, name, flags, mask, out);
}
ssize_t getdents64(int fd, void* data, size_t size) {
    NEXT(getdents64)
    return strikes("getdents64", kReads, fd, "") ? -1 : next(fd, data, size);
}
ssize_t readlinkat(int directory, const char* name, char* out, size_t size) {
    NEXT(readlinkat)
    return strikes("readlinkat", kReads, directory, name) ? -1 : next(directory, name, out, size);
}

int clock_gettime(clockid_t clock, struct timespec* out) {
    NEXT(clock_gettime)
    const int done = next(clock, out);
    pthread_once(&once, read_wish);
    if (done == 0 && clock == CLOCK_REALTIME) {
        out->tv_sec += wish.clock_s;
    }
    return done;
}
