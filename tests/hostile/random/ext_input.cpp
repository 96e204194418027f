// ext file systems of mke2fs with options drawn by lot, then changed by debugfs, whose checksums hold, or
// byte by byte where there are none.
#include <string>
#include <vector>

#include "base/process.h"
#include "inputs.h"

namespace cg::random_input {
namespace fs = std::filesystem;
namespace {

std::vector<std::string> make_command(Lot& lot, const fs::path& tree, const fs::path& image) {
  std::vector<std::string> words = {"mke2fs", "-q", "-F", "-t",
                                    lot.of({"ext2", "ext3", "ext4", "ext4", "ext4"})};
  words.insert(words.end(), {"-b", lot.of({"1024", "2048", "4096"}), "-d", tree.string()});
  const std::vector<std::string> features = {
      "^metadata_csum", "^64bit",       "^extents",   "^flex_bg",      "^resize_inode", "inline_data",
      "^dir_index",     "^has_journal", "^huge_file", "^sparse_super", "^extra_isize",  "metadata_csum_seed",
      "large_dir",      "^dir_nlink",   "uninit_bg"};
  std::string list;
  while (lot.one_in(2)) list += (list.empty() ? "" : ",") + lot.of(features);
  if (!list.empty()) words.insert(words.end(), {"-O", list});
  if (lot.one_in(4)) words.insert(words.end(), {"-I", lot.of({"128", "256", "512"})});
  words.insert(words.end(), {image.string(), lot.of({"6M", "9M", "20M"})});
  return words;
}

const std::vector<std::string> paths = {"/",     "/etc",  "/big",    "/text",       "/hole", "/lib",
                                        "/long", "/many", "/deep/a", "/deep/a/b/c", "/pipe", "/many/1",
                                        "<7>",   "<8>",   "<11>",    "<2>"};

std::string twist_inode(Lot& lot) {
  const std::string field = lot.of({"mode",        "size",        "size_lo",  "size_high",  "links_count",
                                    "blocks",      "flags",       "file_acl", "generation", "dtime",
                                    "mtime",       "extra_isize", "block[0]", "block[1]",   "block[2]",
                                    "block[3]",    "block[4]",    "block[5]", "block[6]",   "block[IND]",
                                    "block[DIND]", "block[TIND]", "uid",      "uid_high",   "checksum"});
  std::string value = std::to_string(lot.odd_number());
  if (field == "mode")
    value = lot.of({"0040755", "0100644", "0120777", "0020600", "0010600", "0", "0170000", "0140755"});
  if (field == "flags")
    value = lot.of({"0", "0x80000", "0x10000000", "0x1000", "0x10081000", "0x800", "0xffffffff"});
  if (field.starts_with("block") || field == "file_acl")
    value = std::to_string(lot.below(lot.of<std::uint64_t>({300, 9000, 4'000'000'000})));
  if (field.starts_with("size") && lot.one_in(2)) value = std::to_string(1ULL << lot.below(50));
  return "sif " + lot.of(paths) + " " + field + " " + value;
}

std::string twist_super(Lot& lot) {
  const std::string field = lot.of({"inodes_count",
                                    "blocks_count",
                                    "free_blocks_count",
                                    "free_inodes_count",
                                    "first_data_block",
                                    "log_block_size",
                                    "log_cluster_size",
                                    "blocks_per_group",
                                    "clusters_per_group",
                                    "inodes_per_group",
                                    "rev_level",
                                    "first_ino",
                                    "inode_size",
                                    "feature_compat",
                                    "feature_incompat",
                                    "feature_ro_compat",
                                    "journal_inum",
                                    "last_orphan",
                                    "hash_seed",
                                    "desc_size",
                                    "reserved_gdt_blocks",
                                    "min_extra_isize",
                                    "log_groups_per_flex",
                                    "first_meta_bg",
                                    "creator_os",
                                    "state",
                                    "backup_bgs[0]",
                                    "overhead_clusters",
                                    "checksum_seed",
                                    "orphan_file_inum",
                                    "encoding"});
  return "ssv " + field + " " + std::to_string(lot.one_in(2) ? lot.odd_number() : lot.below(64));
}

std::string twist_group(Lot& lot) {
  const std::string field = lot.of({"block_bitmap", "inode_bitmap", "inode_table", "free_blocks_count",
                                    "free_inodes_count", "used_dirs_count", "flags", "itable_unused"});
  const std::uint64_t value = lot.one_in(2) ? lot.odd_number() : lot.below(9000);
  return "set_bg " + std::to_string(lot.below(3)) + " " + field + " " + std::to_string(value);
}

std::string twist_by_debugfs(Lot& lot) {
  std::string requests;
  const std::uint64_t count = 1 + lot.below(6);
  for (std::uint64_t i = 0; i < count; ++i) {
    switch (lot.below(10)) {
      case 0:
        requests += twist_super(lot);
        break;
      case 1: {
        const std::string group = twist_group(lot);
        requests += group + "\nset_bg " + group.substr(7, 1) + " checksum calc";
        break;
      }
      case 2:
        requests += "link " + lot.of(paths) + " /deep/a/b/" + lot.of({"again", "x", "y"});
        break;
      case 3:
        requests += "link /deep /deep/a/b/c/up" + std::to_string(lot.below(3));
        break;  // a directory in itself
      case 4:
        requests += lot.of({"freeb ", "setb "}) + std::to_string(lot.below(6000)) + " " +
                    std::to_string(1 + lot.below(50));
        break;
      case 5:
        requests += lot.of({"freei ", "seti ", "clri ", "unlink ", "kill_file "}) + lot.of(paths);
        break;
      case 6:
        requests += "set_inode_field /deep/a block[" + std::to_string(lot.below(14)) + "] " +
                    std::to_string(lot.below(3000));
        break;
      default:
        requests += twist_inode(lot);
    }
    requests += "\n";
  }
  return requests;
}

}  // namespace

Input random_ext(Lot& lot, const fs::path& into) {
  const fs::path image = into / "image.img";
  write_tree(lot, into / "tree");
  while (!fs::exists(image)) {  // some options do not go together
    const auto made = run(make_command(lot, into / "tree", image));
    if (!made || made->status != 0) fs::remove(image);
    if (!made) break;
  }
  fs::remove_all(into / "tree");
  if (!lot.one_in(4)) {
    write(into / "requests", twist_by_debugfs(lot));
    (void)run({"debugfs", "-w", "-f", (into / "requests").string(), image.string()});
    fs::remove(into / "requests");
  }
  if (lot.one_in(3)) {
    std::string bytes = read(image);
    // Where the structures are: superblock, descriptors, the first tables, and directories.
    const std::uint64_t times = 1 + lot.below(12);
    for (std::uint64_t i = 0; i < times; ++i) {
      const std::size_t at =
          lot.of({std::uint64_t{1024}, 2048 + lot.below(8192), lot.below(1 << 20)}) + lot.below(400);
      if (at + 8 < bytes.size()) bytes.replace(at, 4, lot.bytes(4));
    }
    write(image, bytes);
  }
  if (lot.one_in(10)) fs::resize_file(image, lot.below(fs::file_size(image)));
  return {image, Use::image};
}

}  // namespace cg::random_input
