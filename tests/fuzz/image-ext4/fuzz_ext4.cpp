// Damaged ext2/3/4 file systems: looked through from the root down, then edited. An edit that is refused
// leaves the image as it was and nothing beside it; one that only adds a file leaves every other file as it
// was; one that succeeds on an image that e2fsck finds nothing wrong with has put in what it says.
#include <ext2fs/ext2fs.h>

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <string>

#include "base/process.h"
#include "fuzz/image_input.h"
#include "image/bytes/overlay.h"
#include "image/edit.h"
#include "image/ext4/edit/ext_editor.h"
#include "image/ext4/read/ext2_io.h"
#include "image/reader.h"
#include "image/tree/extract.h"

namespace {

using namespace cg;
using namespace cg::image;

const std::string new_bytes(5000, 'n');

struct Kind {
  std::uint32_t compat;
  std::uint32_t incompat;
  std::uint32_t ro_compat;
  std::uint16_t inode_bytes;
};
constexpr Kind kinds[] = {
    {EXT2_FEATURE_COMPAT_EXT_ATTR | EXT2_FEATURE_COMPAT_DIR_INDEX,
     EXT2_FEATURE_INCOMPAT_FILETYPE | EXT3_FEATURE_INCOMPAT_EXTENTS, EXT2_FEATURE_RO_COMPAT_SPARSE_SUPER,
     256},
    {0, 0, EXT2_FEATURE_RO_COMPAT_SPARSE_SUPER, 128},
    {EXT2_FEATURE_COMPAT_EXT_ATTR,
     EXT2_FEATURE_INCOMPAT_FILETYPE | EXT3_FEATURE_INCOMPAT_EXTENTS | EXT4_FEATURE_INCOMPAT_64BIT |
         EXT4_FEATURE_INCOMPAT_INLINE_DATA | EXT4_FEATURE_INCOMPAT_FLEX_BG,
     EXT2_FEATURE_RO_COMPAT_SPARSE_SUPER | EXT2_FEATURE_RO_COMPAT_LARGE_FILE, 256},
};

// One group of 128 blocks of 1 KiB with a few files of each sort. No checksums: they would refuse all damage.
std::string make_image(const Kind& kind, const fuzz::Scratch& scratch) {
  fuzz::MemoryDevice device(128 << 10);
  ext2_super_block param{};
  param.s_rev_level = EXT2_DYNAMIC_REV;
  param.s_inode_size = kind.inode_bytes;
  param.s_inodes_count = 32;
  param.s_feature_compat = kind.compat;
  param.s_feature_incompat = kind.incompat;
  param.s_feature_ro_compat = kind.ro_compat;
  if (kind.incompat & EXT4_FEATURE_INCOMPAT_64BIT) param.s_desc_size = EXT2_MIN_DESC_SIZE_64BIT;
  ext2fs_blocks_count_set(&param, 128);
  ext2_filsys raw = nullptr;
  fuzz::require(ext2fs_initialize(device_io_name(device).c_str(), EXT2_FLAG_64BITS, &param,
                                  device_io_manager(), &raw) == 0,
                "a file system cannot be begun");
  {
    const Filesystem fs(raw);
    fs->now = 1700000000;
    std::memcpy(fs->super->s_uuid, "0123456789abcdef", 16);
    fuzz::require(ext2fs_allocate_tables(fs.get()) == 0, "no inode tables");
    for (ext2_ino_t number = 1; number < EXT2_FIRST_INODE(fs->super); ++number)
      if (number != EXT2_ROOT_INO) ext2fs_inode_alloc_stats2(fs.get(), number, +1, 0);
    fuzz::require(ext2fs_mkdir(fs.get(), EXT2_ROOT_INO, EXT2_ROOT_INO, nullptr) == 0, "no root");
    fuzz::require(ext2fs_mkdir(fs.get(), EXT2_ROOT_INO, 0, "lost+found") == 0, "no lost+found");
    fuzz::require(ext2fs_flush2(fs.get(), EXT2_FLAG_FLUSH_NO_SYNC) == 0, "not written");
  }
  scratch.put("image", device.text());
  scratch.put("small", "small");
  scratch.put("large", std::string(20 << 10, 'l'));
  const std::vector<Change> changes = {
      NewDirectory{.path = "/etc/deep"},
      NewDirectory{.path = "/usr/sbin"},
      Injection{.source = scratch / "small", .destination = "/etc/small"},
      Injection{.source = scratch / "large", .destination = "/etc/large"},
      Injection{.source = scratch / "small", .destination = "/etc/deep/file"},
      NewSymlink{.path = "/sbin", .target = "usr/sbin"},
      NewSymlink{.path = "/long", .target = std::string(100, '/') + "etc"},
  };
  const auto edited = edit(scratch / "image", changes);
  fuzz::require(edited.has_value(), edited ? "" : edited.error().message.c_str());
  return scratch.get("image");
}

using Contents = std::map<std::string, std::string>;

// The bytes of the files that can be read. One without links counts as removed, whoever still names it.
Contents look(const ImageReader& image) {
  (void)image.info();
  (void)image.stat("/sbin/../long/small");
  std::uint64_t left = 2 << 20;
  Contents contents;
  (void)walk(image, "/", [&](const std::string& path, const FileInfo& info) -> Result<void> {
    (void)image.xattrs(path);
    if (info.meta.type != NodeType::regular) return {};
    std::string bytes;
    const auto read = image.read(path, [&](std::string_view piece) -> Result<void> {
      if (piece.size() > left) return refused("enough");
      left -= piece.size();
      bytes += piece;
      return {};
    });
    if (read && info.links > 0) contents.emplace(path, std::move(bytes));
    return {};
  });
  return contents;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const fuzz::Scratch scratch;
  static const std::string images[] = {make_image(kinds[0], scratch), make_image(kinds[1], scratch),
                                       make_image(kinds[2], scratch)};
  fuzz::Input input(data, size);
  const auto choice = input.take<std::uint8_t>();
  std::string bytes = images[choice % 3];
  fuzz::patch(bytes, input);
  scratch.put("image", bytes);
  scratch.put("new", new_bytes);
  const std::size_t files = scratch.count();
  Contents before;
  if (const auto image = ImageReader::open(scratch / "image"))
    before = look(*image);
  else
    fuzz::require(!image.error().message.empty(), "an error without a message");

  std::vector<Change> changes = {Injection{.source = scratch / "new", .destination = "/sbin/new"}};
  if (choice & 0x10) changes.push_back(Removal{.path = "/etc", .depth = Removal::Depth::recursive});
  if (choice & 0x20) changes.push_back(NewSymlink{.path = "/usr/link", .target = "/etc"});
  if (choice & 0x40) changes.push_back(ModeChange{.path = "/etc/small", .mode = 0600});
  const EditOptions options{.mode = choice & 0x80 ? EditMode::in_place : EditMode::copy,
                            .growth = choice & 0x08 ? Growth::as_needed : Growth::never};
  const auto edited = edit(scratch / "image", changes, options);
  fuzz::require(scratch.count() == files, "an edit leaves something");
  if (!edited) {
    fuzz::require(!edited.error().message.empty(), "an error without a message");
    fuzz::require(scratch.get("image") == bytes, "a refused edit has changed the image");
    return 0;
  }
  const auto after = ImageReader::open(scratch / "image");
  fuzz::require(after.has_value(), "an edited image cannot be opened");
  if (changes.size() == 1 && edited->changes[0].what == "added")
    for (const auto& [path, content] : before) {
      const auto now = after->read(path);
      fuzz::require(now && *now == content, "another file has changed");
    }
  const auto found = after->read("/sbin/new");
  if ((choice & 0x70) != 0 || (found && *found == new_bytes)) return 0;
  scratch.put("before", bytes);
  const auto verdict = run({"e2fsck", "-fn", (scratch / "before").string()});
  fuzz::require(verdict && verdict->status != 0,
                "an injected file is not what went in, and the image was sound");
  std::filesystem::remove(scratch / "before");
  return 0;
}
