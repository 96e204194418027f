// Not by liberofs, which Debian does not package, nor by fsck.erofs alone: that tells owners only to root,
// and unpacks everything to show one name. It does unpack what is compressed.
#include "image/erofs/files.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <deque>
#include <map>
#include <set>

#include "base/file.h"
#include "base/interrupt.h"
#include "base/limits.h"
#include "base/process.h"
#include "base/text.h"
#include "image/erofs/superblock.h"
#include "image/tree/tree_files.h"

namespace cg::image {
namespace fs = std::filesystem;
namespace {

constexpr std::uint64_t no_block = 0xffffffff;

// The file system as a file by itself, which is what fsck.erofs wants.
struct AsFile {
  UniqueFd copy;
  std::string path;
};
Result<AsFile> as_file(int fd, std::uint64_t offset, std::uint64_t bytes, const std::string& name) {
  AsFile file;
  if (offset != 0) {
    std::error_code ignored;
    CG_TRY(copy, nameless_file(fs::temp_directory_path(ignored)));
    FileDevice from(fd, name, offset + bytes);
    FileDevice to(copy.get(), "a temporary file", INT64_MAX);
    std::vector<std::byte> piece(1 << 20);
    for (std::uint64_t at = 0; at < bytes; at += piece.size()) {
      const auto now = std::span(piece).first(std::min<std::uint64_t>(piece.size(), bytes - at));
      CG_CHECK(from.read(offset + at, now));
      CG_CHECK(to.write(at, now));
    }
    file.copy = std::move(copy);
  }
  file.path = fmt::format("/proc/{}/fd/{}", getpid(), offset == 0 ? fd : file.copy.get());
  return file;
}

// What fsck.erofs unpacked; gone with this.
class Unpacked {
 public:
  Unpacked(int fd, std::uint64_t offset, std::uint64_t bytes, std::string name)
      : fd_(fd), offset_(offset), bytes_(bytes), name_(std::move(name)) {}
  ~Unpacked() {
    std::error_code ignored;
    if (directory_.empty()) return;
    fs::remove_all(directory_, ignored);
    forget_when_interrupted(directory_);
  }
  const std::string& name() const { return name_; }
  int get(const std::string& path, std::uint64_t offset, std::span<std::byte> into) {
    if (!tried_) unpack();
    const UniqueFd file(open((directory_ / "root").concat(path).c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
    if (!file) return error_ ? error_ : errno;
    return FileDevice(file.get(), path, offset + into.size()).get(offset, into);
  }

 private:
  void unpack() {
    tried_ = true;
    std::error_code ignored;
    std::string pattern = (fs::temp_directory_path(ignored) / "erofs.XXXXXX").string();
    if (!mkdtemp(pattern.data())) {
      error_ = errno;
      return;
    }
    directory_ = pattern;
    remove_when_interrupted(directory_);
    const auto file = as_file(fd_, offset_, bytes_, name_);
    const auto done = file ? run({"fsck.erofs", "--extract=" + (directory_ / "root").string(),
                                  "--no-preserve-owner", "--no-preserve-perms", file->path})
                           : Result<ProcessResult>(std::unexpected(file.error()));
    if (!done || done->status != 0) error_ = EIO;
  }
  int fd_;
  std::uint64_t offset_;
  std::uint64_t bytes_;
  std::string name_;
  fs::path directory_;
  bool tried_ = false;
  int error_ = 0;
};

class UnpackedFile final : public Device {
 public:
  UnpackedFile(Unpacked& all, std::string path, std::uint64_t size)
      : all_(all), path_(std::move(path)), size_(size), name_(all.name() + ": " + path_) {}
  std::uint64_t size() const override { return size_; }
  int get(std::uint64_t offset, std::span<std::byte> into) override { return all_.get(path_, offset, into); }
  int put(std::uint64_t, std::span<const std::byte>) override { return EROFS; }
  const std::string& name() const override { return name_; }

 private:
  Unpacked& all_;
  std::string path_;
  std::uint64_t size_;
  std::string name_;
};

// A file's bytes in several places; what no piece has is zero.
class Pieces final : public Device {
 public:
  struct Piece {
    std::uint64_t logical;
    std::uint64_t bytes;
    std::uint64_t physical;
  };
  Pieces(Device& base, std::vector<Piece> pieces, std::uint64_t size)
      : base_(base), pieces_(std::move(pieces)), size_(size) {}
  std::uint64_t size() const override { return size_; }
  int get(std::uint64_t offset, std::span<std::byte> into) override {
    std::ranges::fill(into, std::byte{0});
    const std::uint64_t end = offset + into.size();
    // They lie in the order of the file.
    auto at = std::ranges::upper_bound(pieces_, offset, {},
                                       [](const Piece& piece) { return piece.logical + piece.bytes; });
    for (; at != pieces_.end() && at->logical < end; ++at) {
      const Piece& piece = *at;
      const std::uint64_t from = std::max(offset, piece.logical);
      const std::uint64_t to = std::min(end, piece.logical + piece.bytes);
      if (const int error =
              base_.get(piece.physical + (from - piece.logical), into.subspan(from - offset, to - from)))
        return error;
    }
    return 0;
  }
  int put(std::uint64_t, std::span<const std::byte>) override { return EROFS; }
  const std::string& name() const override { return base_.name(); }

 private:
  Device& base_;
  std::vector<Piece> pieces_;
  std::uint64_t size_;
};

struct ErofsInode {
  std::uint64_t number = 0;
  unsigned layout = 0;
  Metadata meta;
  std::uint64_t size = 0;
  std::uint32_t links = 0;
  std::uint32_t word = 0;       // first block, device number or kind of chunks
  std::uint64_t inline_at = 0;  // where what follows the inode and its attributes lies
};
enum : unsigned { flat_plain = 0, compressed_full = 1, flat_inline = 2, compressed_compact = 3, chunked = 4 };

template <class T>
T number_at(std::span<const std::byte> bytes, std::size_t at) {
  T value;
  std::memcpy(&value, bytes.data() + at, sizeof value);
  return value;
}

class ErofsFiles final : public TreeFiles {
 public:
  ErofsFiles(Window& window, ErofsInfo erofs, int fd, std::uint64_t offset)
      : TreeFiles(window.name()),
        window_(window),
        erofs_(std::move(erofs)),
        unpacked_(fd, offset, window.size(), window.name()) {}

  Result<void> load();
  const FileTree& tree() const override { return tree_; }

  ImageInfo info() const override {
    return {.bytes = erofs_.blocks * erofs_.block_size,
            .block_size = erofs_.block_size,
            .blocks = erofs_.blocks,
            .inodes = erofs_.inodes,
            .directories = directories_,
            .uuid = erofs_.uuid,
            .label = erofs_.label,
            .state = erofs_.checksum_ok ? "clean" : "the superblock's checksum is wrong",
            .features = erofs_.features};
  }

 private:
  std::unexpected<Error> damaged(std::string_view path, std::string_view why) const {
    return refused(fmt::format("{}: {}: damaged: {}", window_.name(), path.empty() ? "/" : path, why));
  }
  // Of chunk tables and directories, which no two inodes share: all together fit into the file system.
  Result<void> claim(std::uint64_t bytes, const std::string& path) {
    if (bytes > window_.size() - claimed_)
      return damaged(path, "more directories and chunks than the file system has room for");
    claimed_ += bytes;
    return {};
  }
  Result<std::vector<std::byte>> bytes_at(std::uint64_t at, std::uint64_t count, std::string_view path);
  Result<ErofsInode> read_inode(std::uint64_t number, const std::string& path);
  Result<void> read_xattrs(ErofsInode& inode, std::uint64_t at, std::uint64_t bytes, const std::string& path);
  Result<std::uint64_t> read_xattr(ErofsInode& inode, std::uint64_t at, std::uint64_t end,
                                   const std::string& path);
  Result<std::vector<Pieces::Piece>> pieces_of(const ErofsInode& inode, const std::string& path);
  Result<std::string> small_content(const ErofsInode& inode, const std::string& path);
  Result<void> place_content(const ErofsInode& inode, FileNode& node, const std::string& path);
  using Names = std::vector<std::pair<std::string, std::uint64_t>>;
  Result<Names> read_directory(const ErofsInode& inode, const std::string& path);

  FileTree tree_;
  Window& window_;
  ErofsInfo erofs_;
  Unpacked unpacked_;
  std::deque<Pieces> pieces_;
  std::deque<UnpackedFile> packed_;
  std::uint64_t directories_ = 0;
  std::uint64_t claimed_ = 0;
  std::uint64_t attribute_bytes_ = 0;
};

Result<std::vector<std::byte>> ErofsFiles::bytes_at(std::uint64_t at, std::uint64_t count,
                                                    std::string_view path) {
  if (at > window_.size() || count > window_.size() - at)
    return damaged(path, "it lies outside of the file system");
  std::vector<std::byte> bytes(count);
  CG_CHECK(window_.read(at, bytes));
  return bytes;
}

Result<ErofsInode> ErofsFiles::read_inode(std::uint64_t number, const std::string& path) {
  if (number > window_.size() / 32) return damaged(path, "its inode lies outside of the file system");
  const std::uint64_t at = erofs_.inodes_at + number * 32;
  CG_TRY(bytes, bytes_at(at, 32, path));
  const auto format = number_at<std::uint16_t>(bytes, 0);
  const bool extended = format & 1;
  if (extended) {
    CG_TRY(all, bytes_at(at, 64, path));
    bytes = std::move(all);
  }
  ErofsInode inode{.number = number, .layout = format >> 1 & 7U};
  const auto attributes = number_at<std::uint16_t>(bytes, 2);
  const auto mode = number_at<std::uint16_t>(bytes, 4);
  const auto type = node_type(mode);
  if (!type) return damaged(path, "an inode of unknown type");
  inode.meta.type = *type;
  inode.meta.mode = mode & 07777;
  inode.word = number_at<std::uint32_t>(bytes, 16);
  if (extended) {
    inode.size = number_at<std::uint64_t>(bytes, 8);
    inode.meta.uid = number_at<std::uint32_t>(bytes, 24);
    inode.meta.gid = number_at<std::uint32_t>(bytes, 28);
    inode.meta.mtime = {number_at<std::int64_t>(bytes, 32), number_at<std::uint32_t>(bytes, 40)};
    inode.links = number_at<std::uint32_t>(bytes, 44);
  } else {
    inode.links = number_at<std::uint16_t>(bytes, 6);
    inode.size = number_at<std::uint32_t>(bytes, 8);
    inode.meta.uid = number_at<std::uint16_t>(bytes, 24);
    inode.meta.gid = number_at<std::uint16_t>(bytes, 26);
    inode.meta.mtime = {erofs_.build_time, 0};
  }
  if (*type == NodeType::character_device || *type == NodeType::block_device) {
    inode.meta.device_major = inode.word >> 8 & 0xfff;
    inode.meta.device_minor = (inode.word & 0xff) | (inode.word >> 12 & 0xfff00);
  }
  const std::uint64_t attribute_bytes = attributes == 0 ? 0 : 12 + (attributes - 1U) * 4U;
  const std::uint64_t after = at + (extended ? 64 : 32);
  if (attribute_bytes > 0) CG_CHECK(read_xattrs(inode, after, attribute_bytes, path));
  inode.inline_at = after + attribute_bytes;
  return inode;
}

// One attribute; where the next is.
Result<std::uint64_t> ErofsFiles::read_xattr(ErofsInode& inode, std::uint64_t at, std::uint64_t end,
                                             const std::string& path) {
  static constexpr const char* prefixes[] = {
      nullptr,   "user.",    "system.posix_acl_access", "system.posix_acl_default", "trusted.",
      "lustre.", "security."};
  CG_TRY(head, bytes_at(at, 4, path));
  const auto name_bytes = number_at<std::uint8_t>(head, 0);
  const auto prefix = number_at<std::uint8_t>(head, 1);
  const auto value_bytes = number_at<std::uint16_t>(head, 2);
  if (prefix & 0x80)
    return refused(
        fmt::format("{}: {}: an attribute whose name starts in the table of prefixes "
                    "(xattr_prefixes), which is not read here",
                    window_.name(), path));
  if (prefix == 0 || prefix >= std::size(prefixes))
    return damaged(path, "an attribute with an unknown prefix");
  CG_TRY(text, bytes_at(at + 4, std::uint64_t{name_bytes} + value_bytes, path));
  if ((attribute_bytes_ += text.size()) > limits::attribute_bytes)
    return damaged(path, fmt::format("more than {} bytes of attributes in all", limits::attribute_bytes));
  const auto* chars = reinterpret_cast<const char*>(text.data());
  inode.meta.xattrs.push_back(
      {prefixes[prefix] + std::string(chars, name_bytes), std::string(chars + name_bytes, value_bytes)});
  const std::uint64_t next = at + ((4U + name_bytes + value_bytes + 3U) & ~3U);
  if (next > end) return damaged(path, "an attribute that is longer than its place");
  return next;
}

Result<void> ErofsFiles::read_xattrs(ErofsInode& inode, std::uint64_t at, std::uint64_t bytes,
                                     const std::string& path) {
  CG_TRY(head, bytes_at(at, 12, path));
  const auto shared = number_at<std::uint8_t>(head, 4);
  const std::uint64_t end = at + bytes;
  std::uint64_t next = at + 12 + shared * 4U;
  if (next > end) return damaged(path, "more shared attributes than there is place for");
  for (unsigned i = 0; i < shared; ++i) {
    CG_TRY(id, bytes_at(at + 12 + i * 4U, 4, path));
    const std::uint64_t place = erofs_.attributes_at + number_at<std::uint32_t>(id, 0) * std::uint64_t{4};
    CG_CHECK(read_xattr(inode, place, UINT64_MAX, path));
  }
  while (next + 4 <= end) {
    CG_TRY(after, read_xattr(inode, next, end, path));
    next = after;
  }
  std::ranges::sort(inode.meta.xattrs, {}, &Xattr::name);
  return {};
}

Result<std::vector<Pieces::Piece>> ErofsFiles::pieces_of(const ErofsInode& inode, const std::string& path) {
  std::vector<Pieces::Piece> pieces;
  const std::uint64_t block = erofs_.block_size;
  const auto add = [&](std::uint64_t logical, std::uint64_t bytes, std::uint64_t physical) -> Result<void> {
    if (bytes == 0) return {};  // the block's number means nothing then
    if (physical > window_.size() || bytes > window_.size() - physical)
      return damaged(path, "its bytes lie outside of the file system");
    pieces.push_back({logical, bytes, physical});
    return {};
  };
  const std::uint64_t first = inode.word * block;
  if (inode.layout == flat_plain) {
    CG_CHECK(add(0, inode.size, first));
  } else if (inode.layout == flat_inline) {
    const std::uint64_t whole = inode.size / block * block;
    CG_CHECK(add(0, whole, first));
    CG_CHECK(add(whole, inode.size - whole, inode.inline_at));
  } else if (inode.layout == chunked) {
    const std::uint64_t chunk = block << (inode.word & 31);
    const bool long_form = inode.word & 32;
    const std::uint64_t count = inode.size / chunk + (inode.size % chunk ? 1 : 0);
    const std::uint64_t unit = long_form ? 8 : 4;
    if (chunk < block || count > window_.size() / unit)
      return damaged(path, "chunks of absurd size or number");
    CG_CHECK(claim(count * unit, path));
    const std::uint64_t table = (inode.inline_at + unit - 1) / unit * unit;
    CG_TRY(entries, bytes_at(table, count * unit, path));
    for (std::uint64_t i = 0; i < count; ++i) {
      const std::uint64_t address = number_at<std::uint32_t>(entries, i * unit + (long_form ? 4 : 0));
      if (long_form && number_at<std::uint16_t>(entries, i * unit + 2) != 0)
        return refused(
            fmt::format("{}: {}: lies on another device, which is not read here", window_.name(), path));
      if (address != no_block)
        CG_CHECK(add(i * chunk, std::min(chunk, inode.size - i * chunk), address * block));
    }
  } else {
    return damaged(path, "a layout that is not known, or compressed where it cannot be");
  }
  return pieces;
}

Result<std::string> ErofsFiles::small_content(const ErofsInode& inode, const std::string& path) {
  if (inode.size > limits::directory_bytes) return damaged(path, "an absurd size");
  CG_CHECK(claim(inode.size, path));
  CG_TRY(pieces, pieces_of(inode, path));
  std::string text(inode.size, '\0');
  Pieces content(window_, std::move(pieces), inode.size);
  CG_CHECK(content.read(0, std::as_writable_bytes(std::span(text))));
  return text;
}

Result<void> ErofsFiles::place_content(const ErofsInode& inode, FileNode& node, const std::string& path) {
  if (inode.size > limits::file_bytes)
    return damaged(path, fmt::format("{} bytes; the most is {}", inode.size, limits::file_bytes));
  node.size = inode.size;
  if (inode.layout == compressed_full || inode.layout == compressed_compact) {
    node.bytes = &packed_.emplace_back(unpacked_, path, inode.size);
    return {};
  }
  CG_TRY(pieces, pieces_of(inode, path));
  std::uint64_t there = 0;
  for (const auto& piece : pieces) there += piece.bytes;
  if (there < inode.size) {
    auto& ranges = node.data.emplace();
    for (const auto& piece : pieces) {
      if (!ranges.empty() && ranges.back().offset + ranges.back().bytes == piece.logical)
        ranges.back().bytes += piece.bytes;
      else
        ranges.push_back({piece.logical, piece.bytes});
    }
  }
  node.bytes = &pieces_.emplace_back(window_, std::move(pieces), inode.size);
  return {};
}

// In blocks: entries of 12 bytes, then their names, each of which ends where the next begins.
Result<ErofsFiles::Names> ErofsFiles::read_directory(const ErofsInode& inode, const std::string& path) {
  CG_TRY(content, small_content(inode, path));
  Names names;
  for (std::size_t start = 0; start < content.size(); start += erofs_.block_size) {
    const auto block = std::as_bytes(std::span(content))
                           .subspan(start, std::min<std::size_t>(erofs_.block_size, content.size() - start));
    if (block.size() < 12) return damaged(path, "a directory block that is cut short");
    const std::size_t first = number_at<std::uint16_t>(block, 8);
    if (first < 12 || first % 12 != 0 || first > block.size())
      return damaged(path, "a directory block that makes no sense");
    for (std::size_t at = 0; at < first; at += 12) {
      const std::size_t from = number_at<std::uint16_t>(block, at + 8);
      const std::size_t to = at + 12 < first ? number_at<std::uint16_t>(block, at + 20) : block.size();
      if (from < first || from > to || to > block.size())
        return damaged(path, "a directory block that makes no sense");
      std::string name(reinterpret_cast<const char*>(block.data()) + from, to - from);
      name.resize(strnlen(name.c_str(), name.size()));
      if (name == "." || name == "..") continue;
      if (name.empty() || name.size() > 255 || name.contains('/'))
        return damaged(path, "a name that is none");
      names.emplace_back(std::move(name), number_at<std::uint64_t>(block, at));
    }
  }
  return names;
}

Result<void> ErofsFiles::load() {
  CG_TRY(root, read_inode(erofs_.root, ""));
  if (root.meta.type != NodeType::directory) return damaged("/", "no directory");
  tree_.at(FileTree::root).meta = root.meta;
  std::map<std::uint64_t, FileTree::Index> known;  // of files with several names
  std::set<std::uint64_t> seen{erofs_.root};
  struct Pending {
    ErofsInode inode;
    FileTree::Index index;
    std::string path;
  };
  std::vector<Pending> pending{{std::move(root), FileTree::root, ""}};
  std::uint64_t entries = 0;
  while (!pending.empty()) {
    const Pending here = std::move(pending.back());
    pending.pop_back();
    ++directories_;
    CG_TRY(names, read_directory(here.inode, here.path));
    for (const auto& [name, number] : names) {
      const std::string path = fmt::format("{}/{}", here.path, name);
      if (++entries > limits::entries)
        return damaged(path, fmt::format("more than {} names", limits::entries));
      if (tree_.at(here.index).children.contains(name)) return damaged(path, "the same name twice");
      if (const auto found = known.find(number); found != known.end()) {
        tree_.link(here.index, name, found->second);
        continue;
      }
      CG_TRY(inode, read_inode(number, path));
      FileNode node{.meta = inode.meta};
      if (inode.meta.type == NodeType::regular) {
        CG_CHECK(place_content(inode, node, path));
      } else if (inode.meta.type == NodeType::symlink) {
        if (inode.size > limits::target_bytes) return damaged(path, "a link to a name of absurd length");
        CG_TRY(target, small_content(inode, path));
        node.meta.target = std::move(target);
        node.size = inode.size;
      }
      const auto index = tree_.add(here.index, name, std::move(node));
      if (inode.meta.type == NodeType::directory) {
        if (!seen.insert(number).second) return damaged(path, "a directory in more than one place");
        pending.push_back({std::move(inode), index, path});
      } else if (inode.links > 1) {
        known.emplace(number, index);
      }
    }
  }
  return {};
}

}  // namespace

Result<std::unique_ptr<TreeFiles>> open_erofs_files(Window& window, int fd, std::uint64_t offset) {
  CG_TRY(info, read_erofs_superblock(window));
  auto files = std::make_unique<ErofsFiles>(window, std::move(info), fd, offset);
  CG_CHECK(files->load());
  return files;
}

Result<std::string> check_erofs(int fd, std::uint64_t offset, std::uint64_t bytes, const std::string& name) {
  CG_TRY(file, as_file(fd, offset, bytes, name));
  CG_TRY(done, run({"fsck.erofs", file.path}, {.set_variables = {{"LC_ALL", "C"}}}));
  if (done.status == 0) return std::string();
  const std::string text(trim(done.err + done.out));
  return text.empty() ? fmt::format("status {}", done.status) : text.substr(0, 400);
}

}  // namespace cg::image
