#include "image/initrd/writer.h"

#include <fcntl.h>
#include <fmt/format.h>

#include <algorithm>
#include <cerrno>

#include "base/file.h"
#include "base/limits.h"
#include "image/bytes/block_file.h"
#include "image/initrd/cpio.h"
#include "image/initrd/files.h"
#include "image/tree/content_budget.h"
#include "image/tree/extract.h"

namespace cg::image {
namespace {

constexpr std::size_t buffer_bytes = 256 << 10;

// Trees of both kinds have at(index) with children; directories come before what they hold, in walk()'s
// order.
template <class AnyTree, class Visit>
Result<void> walk_tree(const AnyTree& tree, std::uint32_t root, const Visit& visit) {
  CG_CHECK(visit("/", root));
  std::vector<std::pair<std::string, std::uint32_t>> pending{{"", root}};
  while (!pending.empty()) {
    const auto [path, directory] = std::move(pending.back());
    pending.pop_back();
    std::vector<std::pair<std::string, std::uint32_t>> deeper;
    for (const auto& [name, child] : tree.at(directory).children) {
      const std::string below = fmt::format("{}/{}", path, name);
      CG_CHECK(visit(below, child));
      if (tree.at(child).meta.type == NodeType::directory) deeper.emplace_back(below, child);
    }
    pending.insert(pending.end(), deeper.rbegin(), deeper.rend());
  }
  return {};
}

constexpr const char* inits[] = {"/sbin/init", "/lib/systemd/systemd"};

Result<void> add_init(InitrdWriter& writer, const std::string& target, Timestamp time) {
  const Metadata meta{.type = NodeType::symlink, .mode = 0777, .mtime = time, .target = target};
  return writer.add("/init", {.inode = 0, .meta = meta, .size = target.size(), .links = 1}, {});
}

Result<void> give_zeros(std::uint64_t count, const ImageFiles::Sink& sink) {
  static const std::string zeros(buffer_bytes, '\0');
  for (; count > 0; count -= std::min<std::uint64_t>(count, zeros.size()))
    CG_CHECK(sink(std::string_view(zeros).substr(0, std::min<std::uint64_t>(count, zeros.size()))));
  return {};
}

Result<void> give_range(Device& device, std::uint64_t offset, std::uint64_t count,
                        const ImageFiles::Sink& sink) {
  std::vector<std::byte> buffer(std::min<std::uint64_t>(count, buffer_bytes));
  for (std::uint64_t done = 0; done < count;) {
    const auto piece = std::span(buffer).first(std::min<std::uint64_t>(buffer.size(), count - done));
    CG_CHECK(device.read(offset + done, piece));
    CG_CHECK(sink({reinterpret_cast<const char*>(piece.data()), piece.size()}));
    done += piece.size();
  }
  return {};
}

Result<void> give_content(const Inode& inode, Device& blocks, const ImageFiles::Sink& sink) {
  if (const auto* bytes = std::get_if<std::string>(&inode.content)) return sink(*bytes);
  if (const auto* host = std::get_if<HostFile>(&inode.content)) {
    const UniqueFd fd(open(host->path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
    if (!fd) return cannot_errno(host->path, errno);
    FileDevice file(fd.get(), host->path, inode.size);
    return give_range(file, 0, inode.size, sink);
  }
  std::uint64_t at = 0;
  if (const auto* extents = std::get_if<std::vector<Extent>>(&inode.content))
    for (const Extent& extent : *extents) {
      const std::uint64_t start = extent.logical * block_size;
      CG_CHECK(give_zeros(start - at, sink));
      const std::uint64_t count = std::min(extent.count * block_size, inode.size - start);
      CG_CHECK(give_range(blocks, extent.physical * block_size, count, sink));
      at = start + count;
    }
  return give_zeros(inode.size - at, sink);
}

}  // namespace

Compression compression_like(const std::vector<InitrdMember>& members) {
  std::optional<Codec> last;
  for (const InitrdMember& member : members)
    if (member.codec) last = member.codec;
  return last ? compression_of(*last).value_or(Compression::none) : Compression::none;
}

InitrdWriter::InitrdWriter(int fd, std::string name, Compression compression,
                           std::optional<std::int64_t> newest)
    : fd_(fd), name_(std::move(name)), newest_(newest), encoder_(nullptr) {
  if (const auto codec = codec_of(compression)) encoder_ = Encoder::make(*codec);
}

Result<void> InitrdWriter::flush() {
  CG_CHECK(write_all(fd_, buffer_, name_));
  buffer_.clear();
  return {};
}

Result<void> InitrdWriter::out(std::span<const std::byte> bytes) {
  buffer_.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  return buffer_.size() < buffer_bytes ? Result<void>{} : flush();
}

Result<void> InitrdWriter::put(std::string_view bytes) {
  if (!encoder_) return std::unexpected(encoder_.error());
  count_ += bytes.size();
  const auto raw = std::as_bytes(std::span(bytes));
  return *encoder_ ? (*encoder_)->put(raw, [&](auto piece) { return out(piece); }) : out(raw);
}

Result<void> InitrdWriter::pad(std::size_t step) {
  return put(std::string((step - count_ % step) % step, '\0'));
}

Result<void> InitrdWriter::add(const std::string& path, const FileInfo& info, const Content& content) {
  const std::string name = path == "/" ? "." : path.substr(1);
  if (name.size() >= cpio_most_name)
    return refused(fmt::format("{}: {}…: a name of {} bytes; an initrd holds at most {}", name_,
                               path.substr(0, 64), name.size(), cpio_most_name - 1));
  ++summary.files;
  const Metadata& meta = info.meta;
  const bool regular = meta.type == NodeType::regular;
  const bool directory = meta.type == NodeType::directory;
  std::uint32_t number = next_;
  bool first = true;
  if (info.links > 1 && !directory) {
    const auto [known, is_new] = numbers_.try_emplace(info.inode, next_);
    number = known->second;
    first = is_new;
  }
  if (first) ++next_;
  // Of a file with several names the first carries the bytes; the kernel links the others to it.
  const std::uint64_t size = !regular ? meta.target.size() : first ? info.size : 0;
  if (size > UINT32_MAX)
    return refused(
        fmt::format("{}: {}: {} bytes; an initrd holds at most 4 GiB in a file", name_, path, size));
  const std::int64_t time = newest_ ? std::min(meta.mtime.seconds, *newest_) : meta.mtime.seconds;
  CG_CHECK(put(
      format_cpio_header({.inode = number,
                          .mode = type_bits(meta.type) | meta.mode,
                          .uid = meta.uid,
                          .gid = meta.gid,
                          .links = directory ? 2 : info.links,
                          .mtime = static_cast<std::uint32_t>(std::clamp<std::int64_t>(time, 0, UINT32_MAX)),
                          .size = static_cast<std::uint32_t>(size),
                          .device_major = meta.device_major,
                          .device_minor = meta.device_minor},
                         name)));
  if (regular && size > 0) {
    const std::uint64_t before = count_;
    CG_CHECK(content([&](std::string_view piece) { return put(piece); }));
    if (count_ - before != size)
      return cannot(fmt::format("{}: {}: {} bytes, but {} were read", name_, path, size, count_ - before));
  }
  if (meta.type == NodeType::symlink) CG_CHECK(put(meta.target));
  return pad(4);
}

Result<void> InitrdWriter::end() {
  CG_CHECK(put(format_cpio_header({}, cpio_trailer)));
  CG_CHECK(pad(512));
  if (*encoder_) CG_CHECK((*encoder_)->finish([&](auto piece) { return out(piece); }));
  summary.bytes = count_;
  return flush();
}

Result<void> check_initrd_compression(const std::string& name) {
  CG_CHECK(parse_compression(name));
  return {};
}

namespace {

Result<InitrdOptions> initrd_options(const ImageOptions& options) {
  CG_TRY(compression, parse_compression(options.compression.empty() ? "gzip" : options.compression));
  return InitrdOptions{compression, options.source_date_epoch};
}

Result<InitrdSummary> write_files(const ImageFiles& image, int fd, const InitrdOptions& options) {
  if (const auto* const own = dynamic_cast<const InitrdFiles*>(&image))
    return write_repacked(own->archive(), own->file(), fd, options);
  CG_CHECK(check_holes(image, "an initrd"));
  InitrdWriter writer(fd, image.name(), options.compression, options.newest);
  CG_CHECK(walk(image, "/", [&](const std::string& path, const FileInfo& info) -> Result<void> {
    if (path == "/lost+found") {
      CG_TRY(items, image.list(path));
      if (items.empty()) return {};
    }
    CG_TRY(xattrs, image.xattrs(path));
    writer.summary.attributes += xattrs.size();
    return writer.add(path, info, [&](const ImageFiles::Sink& sink) { return image.read(path, sink); });
  }));
  if (!image.stat("/init", LastLink::keep)) {
    CG_TRY(root, image.stat("/"));
    for (const char* const init : inits)
      if (image.exists(init)) {
        CG_CHECK(add_init(writer, init, root.meta.mtime));
        break;
      }
  }
  CG_CHECK(writer.end());
  return writer.summary;
}

// As check_holes() of an image.
Result<void> check_holes(const Tree& tree, const std::string& name) {
  std::uint64_t bytes = 0;
  std::uint64_t stored = 0;
  tree.visit([&](const std::string&, InodeIndex index) {
    const Inode& inode = tree.at(index);
    if (inode.meta.type != NodeType::regular) return;
    bytes += inode.size / std::max<std::uint32_t>(inode.names, 1);
    if (const auto* extents = std::get_if<std::vector<Extent>>(&inode.content))
      for (const Extent& extent : *extents) stored += extent.count * block_size;
    else
      stored += inode.size;
  });
  return within_holes(bytes, stored, name, "an initrd");
}

}  // namespace

Result<Summary> make_initrd(const ImageFiles& image, const std::filesystem::path& destination,
                            const ImageOptions& options) {
  CG_TRY(how, initrd_options(options));
  CG_TRY(file, AtomicFile::create(destination));
  CG_TRY(summary, write_files(image, file.fd(), how));
  CG_CHECK(file.commit());
  return summary;
}

Result<Summary> write_initrd_of(const Tree& tree, Device& blocks, int fd, const std::string& name,
                                const ImageOptions& options) {
  CG_TRY(how, initrd_options(options));
  CG_CHECK(check_holes(tree, name));
  InitrdWriter writer(fd, name, how.compression, how.newest);
  CG_CHECK(walk_tree(tree, Tree::root, [&](const std::string& path, InodeIndex index) -> Result<void> {
    const Inode& inode = tree.at(index);
    writer.summary.attributes += inode.meta.xattrs.size();
    if (inode.meta.target.size() > limits::target_bytes)
      return refused(fmt::format("{}: a link target of {} bytes; the most is {}", path,
                                 inode.meta.target.size(), limits::target_bytes));
    return writer.add(path,
                      {.inode = index + 1, .meta = inode.meta, .size = inode.size, .links = inode.names},
                      [&](const ImageFiles::Sink& sink) { return give_content(inode, blocks, sink); });
  }));
  const Inode& root = tree.at(Tree::root);
  if (!root.children.contains("init"))
    for (const char* const init : inits)
      if (tree.find(init)) {
        CG_CHECK(add_init(writer, init, root.meta.mtime));
        break;
      }
  CG_CHECK(writer.end());
  return writer.summary;
}

std::uint64_t firmware_bytes(const InitrdArchive& archive) {
  const auto& members = archive.members();
  if (members.size() < 2 || !members[0].firmware || members[0].codec) return 0;
  return members[1].offset - members[0].offset;
}

Result<InitrdSummary> write_repacked(const InitrdArchive& archive, Device& file, int fd,
                                     const InitrdOptions& options) {
  const FileTree& tree = archive.tree();
  const std::uint64_t kept = firmware_bytes(archive);
  if (kept > 0) {
    const std::uint64_t start = archive.members().front().offset;
    CG_CHECK(give_range(file, start, kept,
                        [&](std::string_view piece) { return write_all(fd, piece, file.name()); }));
    CG_CHECK(write_all(fd, std::string(cpio_padded(kept) - kept, '\0'), file.name()));
  }
  InitrdWriter writer(fd, file.name(), options.compression, options.newest);
  CG_CHECK(
      walk_tree(tree, FileTree::root, [&](const std::string& path, FileTree::Index index) -> Result<void> {
        const FileNode& node = tree.at(index);
        if (kept > 0 && node.member == 0 && index != FileTree::root) return {};
        return writer.add(path,
                          {.inode = index + 1, .meta = node.meta, .size = node.size, .links = node.names},
                          [&](const ImageFiles::Sink& sink) { return tree.read(index, sink); });
      }));
  CG_CHECK(writer.end());
  return writer.summary;
}

}  // namespace cg::image
