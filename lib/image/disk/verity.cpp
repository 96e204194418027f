#include "image/disk/verity.h"

#include <fmt/format.h>
#include <openssl/evp.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <memory>
#include <new>

#include "base/digits.h"
#include "base/sha256.h"
#include "image/bytes/block_file.h"

namespace cg::image {
namespace {

constexpr std::size_t digest_bytes = 32;
constexpr std::size_t digests_per_block = verity_block / digest_bytes;
constexpr std::size_t piece_bytes = 1 << 20;

// SHA-256 of the salt and a block.
class BlockHash {
 public:
  explicit BlockHash(const std::vector<std::byte>& salt)
      : salted_(EVP_MD_CTX_new(), EVP_MD_CTX_free), work_(EVP_MD_CTX_new(), EVP_MD_CTX_free) {
    if (!salted_ || !work_ || EVP_DigestInit_ex(salted_.get(), EVP_sha256(), nullptr) != 1 ||
        EVP_DigestUpdate(salted_.get(), salt.data(), salt.size()) != 1)
      throw std::bad_alloc();
    const std::vector<std::byte> zeros(verity_block);
    digest(zeros, zero_);
  }
  void operator()(std::span<const std::byte> block, std::byte* into) const {
    if (is_zero(block))
      std::ranges::copy(zero_, into);
    else
      digest(block, std::span<std::byte, digest_bytes>(into, digest_bytes));
  }

 private:
  void digest(std::span<const std::byte> block, std::span<std::byte, digest_bytes> into) const {
    if (EVP_MD_CTX_copy_ex(work_.get(), salted_.get()) != 1 ||
        EVP_DigestUpdate(work_.get(), block.data(), block.size()) != 1 ||
        EVP_DigestFinal_ex(work_.get(), reinterpret_cast<unsigned char*>(into.data()), nullptr) != 1)
      throw std::bad_alloc();
  }
  using Context = std::unique_ptr<EVP_MD_CTX, void (*)(EVP_MD_CTX*)>;
  Context salted_;
  Context work_;
  std::array<std::byte, digest_bytes> zero_{};
};

struct Levels {
  std::vector<std::vector<std::byte>> blocks;  // of each level, the data's digests first
  std::array<std::byte, digest_bytes> root{};
};

Result<Levels> hash_levels(Device& data, const std::vector<std::byte>& salt) {
  const BlockHash hash(salt);
  Levels levels;
  const auto next_level = [](std::uint64_t below) {
    return std::vector<std::byte>((below + digests_per_block - 1) / digests_per_block * verity_block);
  };
  std::uint64_t count = data.size() / verity_block;
  auto& digests = levels.blocks.emplace_back(next_level(count));
  std::vector<std::byte> piece(piece_bytes);
  for (std::uint64_t at = 0; at < count * verity_block;) {
    const auto bytes =
        std::span(piece).first(std::min<std::uint64_t>(piece_bytes, count * verity_block - at));
    CG_CHECK(data.read(at, bytes));
    for (std::size_t from = 0; from < bytes.size(); from += verity_block)
      hash(bytes.subspan(from, verity_block), digests.data() + (at + from) / verity_block * digest_bytes);
    at += bytes.size();
  }
  while (levels.blocks.back().size() > verity_block) {
    const auto& below = levels.blocks.back();
    count = below.size() / verity_block;
    auto above = next_level(count);
    for (std::uint64_t i = 0; i < count; ++i)
      hash(std::span(below).subspan(i * verity_block, verity_block), above.data() + i * digest_bytes);
    levels.blocks.push_back(std::move(above));
  }
  hash(levels.blocks.back(), levels.root.data());
  return levels;
}

VerityTree description(const Levels& levels, const std::vector<std::byte>& salt, std::uint64_t data_bytes) {
  return {.root_hash = hex(levels.root), .salt = hex(salt), .data_blocks = data_bytes / verity_block};
}

}  // namespace

std::string VerityTree::kata_parameters() const {
  return fmt::format("root_hash={},salt={},data_blocks={},data_block_size={},hash_block_size={}", root_hash,
                     salt, data_blocks, verity_block, verity_block);
}

std::string VerityTree::kernel_parameters(const std::string& data_device,
                                          const std::string& hash_device) const {
  return fmt::format(
      "dm-mod.create=\"dm-verity,,,ro,0 {} verity 1 {} {} {} {} {} 0 sha256 {} {}\" root=/dev/dm-0 ro",
      data_blocks * (verity_block / 512), data_device, hash_device, verity_block, verity_block, data_blocks,
      root_hash, salt);
}

std::uint64_t verity_tree_blocks(std::uint64_t data_blocks) {
  std::uint64_t total = 0;
  for (std::uint64_t count = data_blocks;;) {
    count = (count + digests_per_block - 1) / digests_per_block;
    total += count;
    if (count <= 1) return total;
  }
}

std::vector<std::byte> verity_salt(const Uuid& file_system) {
  const std::string digest = sha256_hex("dm-verity salt of " + to_string(file_system));
  std::vector<std::byte> salt;
  for (std::size_t i = 0; i < digest.size(); i += 2)
    salt.push_back(static_cast<std::byte>(std::stoi(digest.substr(i, 2), nullptr, 16)));
  return salt;
}

Result<VerityTree> write_verity_tree(Device& data, Device& hash, const std::vector<std::byte>& salt) {
  const std::uint64_t need = verity_tree_blocks(data.size() / verity_block) * verity_block;
  if (need > hash.size())
    return refused(fmt::format("{}: its dm-verity tree needs {} bytes, the partition for it has {}",
                               data.name(), need, hash.size()));
  CG_TRY(levels, hash_levels(data, salt));
  std::uint64_t at = 0;
  for (auto level = levels.blocks.rbegin(); level != levels.blocks.rend(); ++level) {
    CG_CHECK(hash.write(at, *level));
    at += level->size();
  }
  return description(levels, salt, data.size());
}

Result<bool> begins_verity_tree(Device& data, Device& hash, const std::vector<std::byte>& salt) {
  const std::uint64_t blocks = data.size() / verity_block;
  const std::uint64_t tree = verity_tree_blocks(blocks);
  if (blocks == 0 || tree * verity_block > hash.size()) return false;
  const std::uint64_t lowest = (blocks + digests_per_block - 1) / digests_per_block;  // this level comes last
  std::vector<std::byte> block(verity_block);
  std::array<std::byte, digest_bytes> wanted{};
  std::array<std::byte, digest_bytes> found{};
  CG_CHECK(data.read(0, block));
  BlockHash{salt}(block, wanted.data());
  CG_CHECK(hash.read((tree - lowest) * verity_block, found));
  return wanted == found;
}

Result<VerityTree> check_verity_tree(Device& data, Device& hash, const std::vector<std::byte>& salt) {
  if (verity_tree_blocks(data.size() / verity_block) * verity_block > hash.size())
    return refused(data.name() + ": the partition behind it is too small for a dm-verity tree");
  CG_TRY(levels, hash_levels(data, salt));
  const auto stored = [&](std::size_t level) -> Result<std::vector<std::byte>> {
    std::uint64_t at = 0;
    for (std::size_t above = level + 1; above < levels.blocks.size(); ++above)
      at += levels.blocks[above].size();
    std::vector<std::byte> found(levels.blocks[level].size());
    CG_CHECK(hash.read(at, found));
    return found;
  };
  for (std::size_t level = 0; level < levels.blocks.size(); ++level) {
    CG_TRY(found, stored(level));
    const auto differs =
        std::ranges::mismatch(levels.blocks[level], found).in1 - levels.blocks[level].begin();
    if (static_cast<std::size_t>(differs) == found.size()) continue;
    return refused(level > 0 ? data.name() + ": its dm-verity tree is damaged"
                             : fmt::format("{}: block {} is not the one that its dm-verity tree was made of",
                                           data.name(), static_cast<std::size_t>(differs) / digest_bytes));
  }
  return description(levels, salt, data.size());
}

}  // namespace cg::image
