// What a checkpoint holds, as plain data: the tree of processes with their memory, files and sockets, and
// what these need of the place where they come back. Read from CRIU's image files (3.12 to 4.3).
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace cg::checkpoint {

// Numbers of CRIU's images.
enum class FileKind : std::uint32_t {
  none = 0,
  regular = 1,
  pipe = 2,
  fifo = 3,
  internet_socket = 4,
  unix_socket = 5,
  eventfd = 6,
  epoll = 7,
  inotify = 8,
  signalfd = 9,
  packet_socket = 10,
  terminal = 11,
  fanotify = 12,
  netlink_socket = 13,
  namespace_file = 14,
  tun = 15,
  external = 16,
  timerfd = 17,
  memfd = 18,
  bpf_map = 19,
  pidfd = 20,
};
std::string_view kind_name(FileKind kind);  // "file", "pipe", …; "other"

struct Inventory {
  std::uint32_t version = 0;  // of the images: 1, 2 (1.1)
  bool tcp_close = false;
  bool uprobes = false;
  bool pre_dump = false;
  std::optional<std::uint32_t> network_lock;  // 1 iptables, 2 nftables, 3 none
  std::uint32_t compression = 0;
  std::uint32_t compression_block = 0;
  std::uint32_t security_module = 0;  // 1 SELinux, 2 AppArmor
  std::optional<std::vector<std::string>> plugins;
};

// Numbers of kernel objects; equal ones are the same. 0: not in the image.
struct Objects {
  std::uint32_t memory = 0, files = 0, filesystem = 0, handlers = 0;
  std::uint32_t pid = 0, net = 0, ipc = 0, uts = 0, mount = 0, user = 0, cgroup = 0, time = 0;
};

struct RegularFile {
  std::string path;  // as the task sees it, from its root mount
  std::int64_t mount = -1;
  std::uint32_t flags = 0;
  std::optional<std::uint64_t> size;
  std::optional<std::uint32_t> mode;  // with the type
  std::string build_id;               // hexadecimal; "": none was found
  std::uint32_t build_id_words = 0;   // its length as CRIU compares it
  bool external = false;              // `path` is then the key that --inherit-fd wants
};

struct InternetSocket {
  std::uint32_t inode = 0;
  int family = 0, type = 0, protocol = 0, state = 0;
  std::uint32_t port = 0, peer_port = 0;
  std::string address, peer_address;  // as text
  bool reuse_port = false;
  bool free_bind = false;
  bool only_v6 = false;
  std::string device;
  std::uint32_t network = 0;  // namespace
  bool connected() const;     // TCP in any state with a peer
};

struct UnixSocket {
  std::uint32_t inode = 0, peer = 0;
  int type = 0, state = 0;
  bool external = false;
  std::string name;       // "" for none; with a leading NUL an abstract one
  std::string directory;  // that a relative name starts from
  bool deleted = false;
  std::int64_t mount = -1;
};

struct OpenFile {
  FileKind kind = FileKind::none;
  std::uint32_t id = 0;
  std::optional<RegularFile> regular;
  std::optional<InternetSocket> internet;
  std::optional<UnixSocket> local;
  std::uint32_t object = 0;  // of a pipe, fifo, terminal, memfd, namespace file
  std::uint32_t name = 0;    // of a fifo, terminal: the file that has its path; 0: none
  std::uint32_t flags = 0;
};

struct Descriptor {
  std::uint32_t number = 0;
  FileKind kind = FileKind::none;
  std::uint32_t file = 0;
};

// Of a mapping, as CRIU numbers them.
namespace mapping_kind {
inline constexpr std::uint32_t private_file = 1U << 6;
inline constexpr std::uint32_t shared_file = 1U << 7;
inline constexpr std::uint32_t shared_anonymous = 1U << 8;
inline constexpr std::uint32_t sysv_shared = 1U << 10;
inline constexpr std::uint32_t aio_ring = 1U << 13;
inline constexpr std::uint32_t memfd = 1U << 14;
inline constexpr std::uint32_t shadow_stack = 1U << 15;
inline constexpr std::uint32_t guard = 1U << 16;
}  // namespace mapping_kind

struct Mapping {
  std::uint64_t begin = 0, end = 0, offset = 0;
  std::uint64_t object = 0;
  std::uint32_t protection = 0, flags = 0, kind = 0;
  bool is_file() const {
    return (kind & (mapping_kind::private_file | mapping_kind::shared_file)) != 0 &&
           (kind & mapping_kind::memfd) == 0;
  }
};

struct Pages {
  std::uint64_t stored = 0;     // in this checkpoint
  std::uint64_t in_parent = 0;  // in that of a pre-dump
  std::uint64_t lazy = 0;       // of those stored, left for the page server
};

struct Task {
  int pid = 0, parent = 0, group = 0, session = 0;
  std::vector<int> threads;  // with itself
  std::string name;
  std::uint32_t state = 1;  // 1 alive, 2 dead, 3 stopped, 6 zombie
  std::uint32_t machine = 0;
  Objects objects;
  std::optional<std::uint32_t> program, directory, root;  // files
  std::vector<Descriptor> descriptors;
  std::vector<Mapping> mappings;
  Pages pages;
  std::uint64_t mapped_bytes = 0;
  std::uint32_t user = 0;
  std::string security_label;
  bool seccomp = false;
  bool rseq = false;
  std::optional<std::uint32_t> login;
  std::optional<std::uint64_t> most_descriptors;  // the hard limit of RLIMIT_NOFILE
  std::uint32_t cgroups = 0;
  std::size_t async_rings = 0;
  bool is_alive() const { return state != 2 && state != 6; }
};

// What a file that had no name any more is made of again, under another name.
struct Remap {
  enum class Kind : std::uint32_t { linked = 0, ghost = 1, process = 2 };
  std::uint32_t file = 0, other = 0;
  Kind kind = Kind::ghost;
};

struct Ghost {
  std::uint32_t mode = 0;
  std::uint64_t size = 0;
};

// Of a file that a process has open. Numbers of Linux: F_RDLCK, F_WRLCK; a length of 0 is up to the end.
struct FileLock {
  enum class Kind { posix, flock, ofd, other } kind = Kind::other;
  int pid = 0;
  std::uint32_t descriptor = 0;
  bool write = false;
  std::int64_t start = 0, bytes = 0;
};

struct Terminal {
  std::uint32_t id = 0, kind = 0, session = 0, device = 0;
  std::optional<std::uint32_t> index;
};

struct Mount {
  std::uint32_t name_space = 0;
  std::uint32_t id = 0, parent = 0, kind = 0, device = 0;
  std::uint32_t shared = 0, master = 0;
  std::string root, mountpoint, source, type;
  bool external = false;
  std::string key;  // that --external wants
};
// "proc", "tmpfs", …; of a kind without a name here "other".
std::string_view mount_type(const Mount& mount);

struct NetworkDevice {
  std::uint32_t name_space = 0, kind = 0, index = 0;
  std::string name;
};
std::string_view device_kind_name(std::uint32_t kind);  // "veth", …

struct Processor {
  std::uint32_t vendor = 0, family = 0, model = 0, stepping = 0, words_version = 0;
  std::vector<std::uint32_t> words;
  std::string name;
  std::optional<std::uint64_t> state_components;
  std::optional<std::uint32_t> state_size, state_size_most;
};

struct CgroupPlace {
  std::uint32_t set = 0;
  std::string controller, path;
};

// Something of the images that cannot be read.
struct Problem {
  enum class Kind { missing, damaged } kind = Kind::damaged;
  std::string file;
  std::string what;  // a whole sentence, with file and offset
};

struct Checkpoint {
  std::string name;
  Inventory inventory;
  Objects of_criu;          // of the criu that dumped
  std::vector<Task> tasks;  // parents before children; the first is the root
  std::map<std::uint32_t, OpenFile> files;
  std::vector<Remap> remaps;
  std::map<std::uint32_t, Ghost> ghosts;
  std::map<std::uint32_t, Terminal> terminals;
  std::vector<Mount> mounts;
  std::vector<NetworkDevice> devices;
  std::map<std::uint32_t, std::string> network_keys;  // of namespaces that come from outside
  std::map<std::uint32_t, std::string> pid_keys;
  std::vector<CgroupPlace> cgroups;
  std::vector<std::string> cgroup_controllers;
  std::vector<FileLock> locks;
  std::optional<Processor> processor;
  bool foreign_processor = false;  // a cpuinfo.img of another architecture than x86
  std::map<std::string, std::uint64_t, std::less<>> image_sizes;
  std::map<std::string, std::uint64_t, std::less<>> beside;
  std::string parent;         // link to the pre-dump
  std::uint32_t parents = 0;  // how many of them, one on the other
  std::string criu;           // "4.2.1", where a log beside the images says it
  std::string kernel;         // the same
  std::optional<std::uint64_t> frozen_microseconds;
  std::vector<Problem> problems;

  const Task& root() const { return tasks.front(); }
  const OpenFile* file(std::uint32_t id) const;
  const RegularFile* regular(std::uint32_t id) const;
  std::uint64_t bytes() const;  // of all images
  // Whether the tree has a namespace of its own of that kind.
  bool own(std::uint32_t Objects::*kind) const {
    return !tasks.empty() && of_criu.*kind != 0 && root().objects.*kind != 0 &&
           root().objects.*kind != of_criu.*kind;
  }
  std::string architecture() const;  // "x86_64", "aarch64", …; "" where it has no name here
};

}  // namespace cg::checkpoint
