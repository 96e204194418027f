#include "image/initrd/archive.h"

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <tuple>

#include "base/limits.h"
#include "compress/decoder.h"
#include "image/bytes/block_file.h"
#include "image/initrd/cpio.h"

namespace cg::image {
namespace {

constexpr std::size_t piece_bytes = 1 << 20;
constexpr std::size_t most_faults = 20;

std::uint64_t default_limit(std::uint64_t file_bytes) {
  if (file_bytes > limits::initrd_most_bytes / limits::initrd_ratio) return limits::initrd_most_bytes;
  return std::max(limits::initrd_least_bytes, file_bytes * limits::initrd_ratio);
}

}  // namespace

struct InitrdArchive::Spool {
  UniqueFd fd;
  FileDevice device;
  std::uint64_t used = 0;
};

InitrdArchive::InitrdArchive() : tree_(std::make_unique<FileTree>()) {}
InitrdArchive::InitrdArchive(InitrdArchive&&) noexcept = default;
InitrdArchive& InitrdArchive::operator=(InitrdArchive&&) noexcept = default;
InitrdArchive::~InitrdArchive() = default;

class InitrdArchive::Reader {
 public:
  Reader(InitrdArchive& archive, Device& file, const InitrdLimits& limits)
      : archive_(archive), tree_(*archive.tree_), file_(file), limits_(limits) {
    if (limits_.unpacked == 0) limits_.unpacked = default_limit(file.size());
  }

  Result<void> run();

 private:
  struct Entry {
    CpioHeader header;
    std::string name;
    Device* device;
    std::uint64_t data;  // where the data is on the device
  };
  using LinkKey = std::tuple<std::uint32_t, std::uint32_t, std::uint32_t, std::uint32_t>;

  std::unexpected<Error> bad(std::string_view why) const {
    return refused(fmt::format("{}: {}{}", file_.name(), place_, why));
  }
  Result<std::uint64_t> skip_zeros(Device& device, std::uint64_t at, std::uint64_t end) const;
  Result<std::uint64_t> unpack(Codec codec, std::uint64_t at);
  Result<std::uint64_t> read_entry(Device& device, std::uint64_t base, std::uint64_t at, std::uint64_t end);
  Result<void> check_sum(const Entry& entry) const;
  Result<void> apply(const Entry& entry);
  void fault(const std::string& name, std::string_view why);
  void lose(const std::string& name, std::string_view why);
  bool clear_path(FileTree::Index parent, const std::string& name, std::optional<NodeType> wanted);
  void end_links();

  InitrdArchive& archive_;
  FileTree& tree_;
  Device& file_;
  InitrdLimits limits_;
  std::string place_;  // for messages: "at 512: "
  std::uint64_t entries_ = 0;
  std::map<LinkKey, std::pair<std::string, std::uint32_t>> links_;  // first name, and size of its data
};

void InitrdArchive::Reader::fault(const std::string& name, std::string_view why) {
  if (++archive_.fault_count_ <= most_faults)
    archive_.faults_.push_back(fmt::format("{}{}: {}", place_, name, why));
}

// The entry is not unpacked.
void InitrdArchive::Reader::lose(const std::string& name, std::string_view why) {
  archive_.lost_ = true;
  fault(name, why);
}

Result<std::uint64_t> InitrdArchive::Reader::skip_zeros(Device& device, std::uint64_t at,
                                                        std::uint64_t end) const {
  std::array<std::byte, 4096> piece;
  while (at < end) {
    const auto now = std::span(piece).first(std::min<std::uint64_t>(piece.size(), end - at));
    CG_CHECK(device.read(at, now));
    const auto found = std::ranges::find_if(now, [](std::byte byte) { return byte != std::byte{0}; });
    at += static_cast<std::uint64_t>(found - now.begin());
    if (found != now.end()) break;
  }
  return at;
}

Result<void> InitrdArchive::Reader::run() {
  for (std::uint64_t at = 0; at < file_.size();) {
    CG_TRY(next, skip_zeros(file_, at, file_.size()));
    at = next;
    if (at == file_.size()) break;
    place_ = fmt::format("at {}: ", at);
    std::array<std::byte, codec_mark_bytes> mark{};
    CG_CHECK(file_.read(at, std::span(mark).first(std::min<std::uint64_t>(mark.size(), file_.size() - at))));
    const std::string_view text(reinterpret_cast<const char*>(mark.data()), mark.size());
    if (text[0] == '0') {
      if (at % 4 != 0) return bad("a cpio entry that does not start at a multiple of 4");
      auto& members = archive_.members_;
      if (members.empty() || members.back().codec || members.back().trailer)
        members.push_back({.offset = at, .firmware = true});
      CG_TRY(end, read_entry(file_, 0, at, file_.size()));
      members.back().bytes = end - members.back().offset;
      members.back().unpacked = members.back().bytes;
      at = end;
      continue;
    }
    const auto codec = codec_of(text);
    if (!codec)
      return bad(archive_.members_.empty() ? "neither a cpio archive nor one in a compression that is known"
                                           : "neither a cpio entry, nor a compressed archive, nor zeros");
    CG_TRY(end, unpack(*codec, at));
    at = end;
  }
  if (archive_.members_.empty()) return refused(file_.name() + ": holds no cpio archive");
  end_links();
  for (std::size_t i = 0; i < archive_.members_.size(); ++i) {
    const InitrdMember& member = archive_.members_[i];
    place_ = fmt::format("archive {} at {}", i + 1, member.offset);
    if (!member.trailer) fault("", fmt::format("ends without {}; is it complete?", cpio_trailer));
  }
  return {};
}

// One compressed member: into the spool, and from there entry by entry.
Result<std::uint64_t> InitrdArchive::Reader::unpack(Codec codec, std::uint64_t start) {
  // Linux lib/decompress.c knows the legacy frame only.
  if (codec == Codec::lz4_frame)
    return bad("an LZ4 frame, which the kernel does not unpack: compress with 'lz4 -l'");
  const auto decoder = Decoder::make(codec);
  const auto named = [&](const Error& error) {
    return std::unexpected(Error{error.kind, fmt::format("{}: {}{}", file_.name(), place_, error.message)});
  };
  if (!archive_.spool_) {
    std::error_code ignored;
    CG_TRY(fd, nameless_file(std::filesystem::temp_directory_path(ignored)));
    const int number = fd.get();
    archive_.spool_ = std::make_unique<Spool>(
        Spool{std::move(fd), FileDevice(number, file_.name() + " (unpacked)", INT64_MAX)});
  }
  Spool& spool = *archive_.spool_;
  const std::uint64_t base = spool.used;
  std::vector<std::byte> in(256 << 10);
  std::vector<std::byte> out(piece_bytes);
  std::uint64_t at = start;
  std::size_t have = 0;  // unread bytes at the front of `in`
  for (bool done = false; !done;) {
    const auto more = std::min<std::uint64_t>(in.size() - have, file_.size() - at - have);
    CG_CHECK(file_.read(at + have, std::span(in).subspan(have, more)));
    have += more;
    auto step = decoder->step(std::span(in).first(have),
                              at + have == file_.size() ? Decoder::Rest::none : Decoder::Rest::follows, out);
    if (!step) return named(step.error());
    if (spool.used + step->made > limits_.unpacked)
      return bad(fmt::format("unpacks to more than {} bytes, which is taken for a bomb", limits_.unpacked));
    const auto made = std::span(out).first(step->made);
    if (!is_zero(made)) CG_CHECK(spool.device.write(spool.used, made));
    spool.used += step->made;
    at += step->taken;
    have -= step->taken;
    std::memmove(in.data(), in.data() + step->taken, have);
    done = step->done;
    if (!done && step->taken == 0 && step->made == 0 && have == in.size())
      return bad(fmt::format("the {} data is damaged", to_string(codec)));
  }
  if (ftruncate(spool.fd.get(), static_cast<off_t>(spool.used)) != 0)
    return cannot_errno("a temporary file", errno);
  archive_.members_.push_back({.offset = start,
                               .bytes = at - start,
                               .codec = codec,
                               .unpacked = spool.used - base,
                               .firmware = true});
  for (std::uint64_t inside = base; inside < spool.used;) {
    CG_TRY(next, skip_zeros(spool.device, inside, spool.used));
    inside = next;
    if (inside == spool.used) break;
    place_ = fmt::format("in the {} data at {}, at {}: ", to_string(codec), start, inside - base);
    CG_TRY(end, read_entry(spool.device, base, inside, spool.used));
    inside = end;
  }
  return at;
}

// The entry at `at`; where the next thing is. Places on the device count from `base`.
Result<std::uint64_t> InitrdArchive::Reader::read_entry(Device& device, std::uint64_t base, std::uint64_t at,
                                                        std::uint64_t end) {
  InitrdMember& member = archive_.members_.back();
  if ((at - base) % 4 != 0) return bad("a cpio entry that does not start at a multiple of 4");
  if (++entries_ > limits_.entries) return bad(fmt::format("more than {} entries", limits_.entries));
  std::string front(std::min<std::uint64_t>(cpio_header_bytes + 256, end - at), '\0');
  CG_CHECK(device.read(at, std::as_writable_bytes(std::span(front))));
  auto header = parse_cpio_header(front);
  if (!header) return bad(header.error().message);
  if (header->name_bytes == 0) return bad("a cpio entry without a name");
  if (header->name_bytes > cpio_most_name)
    return bad(fmt::format("a cpio entry whose name has {} bytes; the most is {}", header->name_bytes,
                           cpio_most_name));
  if (header->name_bytes > end - at - cpio_header_bytes) return bad("a cpio entry whose name is cut short");
  Entry entry{.header = *header,
              .name = front.substr(cpio_header_bytes, header->name_bytes),
              .device = &device,
              .data = at + cpio_padded(cpio_header_bytes + header->name_bytes)};
  if (entry.name.size() < header->name_bytes) {
    entry.name.resize(header->name_bytes);
    CG_CHECK(device.read(at + cpio_header_bytes, std::as_writable_bytes(std::span(entry.name))));
  }
  // More NULs may follow the first: some writers align the data by them.
  const auto nul = entry.name.find('\0');
  if (nul == std::string::npos) return bad("a cpio entry whose name does not end");
  if (entry.name.find_first_not_of('\0', nul) != std::string::npos)
    return bad(fmt::format("{}: bytes behind the end of its name", entry.name.substr(0, nul)));
  entry.name.resize(nul);
  if (entry.name.empty()) return bad("a cpio entry without a name");
  if (entry.data > end || header->size > end - entry.data)
    return bad(fmt::format("{}: {} bytes of data, of which {} are there; the archive is cut short",
                           entry.name, header->size, end - std::min(entry.data, end)));
  const std::uint64_t next = std::min(base + cpio_padded(entry.data + header->size - base), end);
  if (entry.name == cpio_trailer) {
    end_links();
    member.trailer = true;
    return next;
  }
  // What comes behind a trailer in the same stream is another archive to the kernel.
  member.trailer = false;
  ++member.entries;
  if (header->with_sum) CG_CHECK(check_sum(entry));
  CG_CHECK(apply(entry));
  return next;
}

Result<void> InitrdArchive::Reader::check_sum(const Entry& entry) const {
  if ((entry.header.mode & S_IFMT) != S_IFREG) return {};
  std::vector<std::byte> piece(piece_bytes);
  std::uint32_t sum = 0;
  for (std::uint64_t done = 0; done < entry.header.size;) {
    const auto now = std::span(piece).first(std::min<std::uint64_t>(piece.size(), entry.header.size - done));
    CG_CHECK(entry.device->read(entry.data + done, now));
    for (const std::byte byte : now) sum += std::to_integer<std::uint32_t>(byte);
    done += now.size();
  }
  if (sum != entry.header.sum)
    return bad(
        fmt::format("{}: its checksum is {:08x}, its bytes give {:08x}", entry.name, entry.header.sum, sum));
  return {};
}

// As the kernel's clean_path(): what has another type goes. False: a directory that is not empty stays.
bool InitrdArchive::Reader::clear_path(FileTree::Index parent, const std::string& name,
                                       std::optional<NodeType> wanted) {
  const auto found = tree_.at(parent).children.find(name);
  if (found == tree_.at(parent).children.end()) return true;
  const FileNode& there = tree_.at(found->second);
  if (there.meta.type == wanted) return true;
  if (there.meta.type == NodeType::directory && !there.children.empty()) return false;
  tree_.unlink(parent, name);
  return true;
}

// The kernel forgets at a trailer which files have several names.
void InitrdArchive::Reader::end_links() {
  links_.clear();
}

Result<void> InitrdArchive::Reader::apply(const Entry& entry) {
  const CpioHeader& header = entry.header;
  auto parts = split_entry_path(entry.name);
  if (!parts) return bad(fmt::format("{}: {}", entry.name, parts.error().message));
  InitrdMember& member = archive_.members_.back();
  const auto number = static_cast<std::uint32_t>(archive_.members_.size() - 1);
  member.firmware = member.firmware && (parts->empty() || parts->front() == "kernel");
  const auto type = node_type(header.mode);
  if (!type) {
    lose(entry.name, fmt::format("of unknown type {:o}", header.mode));
    return {};
  }
  Metadata meta{.type = *type,
                .mode = header.mode & 07777,
                .uid = header.uid,
                .gid = header.gid,
                .mtime = {header.mtime, 0},
                .device_major = header.device_major,
                .device_minor = header.device_minor};
  if (parts->empty()) {
    if (*type != NodeType::directory)
      lose(entry.name, "the root is a directory");
    else
      tree_.at(FileTree::root).meta = std::move(meta);
    return {};
  }
  const bool regular = *type == NodeType::regular;
  const bool link = *type == NodeType::symlink;
  if (!regular && !link && header.size > 0) {
    lose(entry.name, fmt::format("a {} with data", to_string(*type)));
    return {};
  }
  if (link) {
    if (header.size > cpio_most_name) {
      lose(entry.name, fmt::format("a link to a name of {} bytes", header.size));
      return {};
    }
    meta.target.resize(header.size);
    CG_CHECK(entry.device->read(entry.data, std::as_writable_bytes(std::span(meta.target))));
    meta.target.resize(std::min(meta.target.find('\0'), meta.target.size()));
  }

  const std::string name(parts->back());
  std::string directory;
  for (std::size_t i = 0; i + 1 < parts->size(); ++i) directory += fmt::format("/{}", (*parts)[i]);
  const auto above = tree_.look_up(directory, LastLink::follow);
  FileTree::Index parent = FileTree::root;
  if (above && above->missing.empty() && tree_.at(above->node).meta.type == NodeType::directory) {
    parent = above->node;
  } else if (parts->size() == 2 && (parts->front() == "dev" || parts->front() == "root")) {
    // Every kernel has these two built in (usr/default_cpio_list).
    parent = tree_.add(
        FileTree::root, std::string(parts->front()),
        {.meta = {.type = NodeType::directory, .mode = 0755, .mtime = meta.mtime}, .member = number});
  } else {
    lose(entry.name, "the directory that it lies in does not come before it");
    return {};
  }

  // A type as wanted stays, and is written over; a symbolic link is always made anew.
  if (!clear_path(parent, name, link ? std::nullopt : std::optional(*type))) {
    lose(entry.name, fmt::format("a {} where a directory is that is not empty", to_string(*type)));
    return {};
  }
  if (link && meta.target.empty()) {
    lose(entry.name, "a symbolic link to nothing");
    return {};
  }
  bool linked = false;
  if (header.links >= 2 && !link && *type != NodeType::directory) {
    const std::string path = fmt::format("{}/{}", directory, name);
    const auto [first, is_new] = links_.try_emplace(
        {header.major, header.minor, header.inode, header.mode & S_IFMT}, path, header.size);
    if (!is_new) {
      auto& [first_path, first_size] = first->second;
      tree_.unlink(parent, name);
      const auto old = tree_.look_up(first_path, LastLink::keep);
      if (!old || !old->missing.empty() || tree_.at(old->node).meta.type != *type) {
        lose(entry.name, fmt::format("another name of {}, which is not there", first_path));
        return {};
      }
      tree_.link(parent, name, old->node);
      linked = true;
      if (first_size > 0 && header.size > 0 && first_size != header.size)
        fault(entry.name, fmt::format("another name of {}, but with {} bytes and not {}", first_path,
                                      header.size, first_size));
      if (header.size > 0) first_size = header.size;
    }
  }
  const auto there = tree_.at(parent).children.find(name);
  if (there == tree_.at(parent).children.end()) {
    FileNode node{.meta = std::move(meta), .size = regular || link ? header.size : 0, .member = number};
    if (link) node.size = node.meta.target.size();
    if (regular) {
      node.bytes = entry.device;
      node.offset = entry.data;
    }
    tree_.add(parent, name, std::move(node));
    return {};
  }
  FileNode& node = tree_.at(there->second);
  if (node.meta.type == NodeType::character_device || node.meta.type == NodeType::block_device) {
    meta.device_major = node.meta.device_major;  // mknod does not replace
    meta.device_minor = node.meta.device_minor;
  }
  node.meta = std::move(meta);
  node.member = number;
  if (regular && (!linked || header.size > 0)) {
    node.size = header.size;
    node.bytes = entry.device;
    node.offset = entry.data;
  }
  return {};
}

Result<InitrdArchive> InitrdArchive::read(Device& file, const InitrdLimits& limits) {
  InitrdArchive archive;
  CG_CHECK(Reader(archive, file, limits).run());
  return archive;
}

}  // namespace cg::image
