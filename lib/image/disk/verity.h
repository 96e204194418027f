// dm-verity hash trees (Linux Documentation/admin-guide/device-mapper/verity.rst) of format 1 without a
// superblock, as Kata uses them: SHA-256, blocks of 4096 bytes, the level of the root first.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"
#include "image/bytes/device.h"
#include "image/disk/uuid.h"

namespace cg::image {

inline constexpr std::uint64_t verity_block = 4096;

struct VerityTree {
  std::string root_hash;  // hexadecimal
  std::string salt;       // hexadecimal
  std::uint64_t data_blocks = 0;

  // "root_hash=…,salt=…,data_blocks=…,data_block_size=…,hash_block_size=…": what Kata's configuration takes.
  std::string kata_parameters() const;
  // Mounts the verified device as root: for a kernel with CONFIG_DM_INIT.
  std::string kernel_parameters(const std::string& data_device, const std::string& hash_device) const;
};

std::uint64_t verity_tree_blocks(std::uint64_t data_blocks);
// The same for the same file system, so that images are reproducible.
std::vector<std::byte> verity_salt(const Uuid& file_system);

// Hashes all of `data`, whole blocks, into `hash`. Refused when it is too small.
Result<VerityTree> write_verity_tree(Device& data, Device& hash, const std::vector<std::byte>& salt);
// Whether the digest of the first data block is where a tree with this salt has it.
Result<bool> begins_verity_tree(Device& data, Device& hash, const std::vector<std::byte>& salt);
// Refused, naming the first block that differs, when `hash` is not the tree of `data`.
Result<VerityTree> check_verity_tree(Device& data, Device& hash, const std::vector<std::byte>& salt);

}  // namespace cg::image
