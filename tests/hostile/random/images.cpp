// Images that the tool made, with numbers changed where the format keeps them.
#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "hostile/random/input.h"

namespace cg::hostile {
namespace {

struct Region {
  std::size_t at = 0;
  std::size_t bytes = 0;
};

void change(std::string& image, const Region& region, Dice& dice) {
  if (region.at >= image.size()) return;
  const std::size_t room = std::min(region.bytes, image.size() - region.at);
  const std::size_t width = std::size_t{1} << dice.below(4);
  if (room < width) return;
  const std::size_t at = region.at + dice.below(room / width) * width;
  const std::uint64_t value = dice.number();
  std::memcpy(image.data() + at, &value, width);
}

// The ext file system that starts at `start`: its superblock, descriptors and what they lead to.
std::vector<Region> ext_regions(std::string& image, std::size_t start, Dice& dice) {
  const std::size_t super = start + 1024;
  std::vector<Region> regions = {{super, 264}, {super, 120}, {start + 4096, 64}};
  if (image.size() < start + 8192) return regions;
  // Without checksums a change is seen by what reads it, not by what compares sums.
  if (!dice.one_in(3)) {
    std::uint32_t features = 0;
    std::memcpy(&features, image.data() + super + 0x64, 4);
    features &= ~0x400U;
    std::memcpy(image.data() + super + 0x64, &features, 4);
    regions.clear();
    if (dice.one_in(3)) regions.push_back({super, 120});
  }
  std::uint32_t table = 0;
  std::memcpy(&table, image.data() + start + 4096 + 8, 4);
  regions.push_back({start + std::size_t{table} * 4096, 24 * 256});  // inodes
  regions.push_back({start + std::size_t{table} * 4096 + 256, 256});
  for (std::size_t block = 0; block < 40; ++block) {  // directories: those blocks begin with "."
    const std::size_t at = start + block * 4096;
    if (at + 16 < image.size() && image[at + 6] == 1 && image[at + 8] == '.') regions.push_back({at, 512});
  }
  return regions;
}

}  // namespace

Input image_input(Dice& dice, const Seeds& seeds) {
  static const std::vector<std::string> names = {"ext4", "ext4", "gpt", "kata-dax", "erofs", "erofs"};
  const std::string& name = dice.of(names);
  Input input{Kind::image, "an image, " + name, seeds.at(name), {}};
  std::string& image = input.bytes;
  std::vector<Region> regions;
  if (name == "erofs") {
    std::uint32_t features = 0;
    std::memcpy(&features, image.data() + 1024 + 8, 4);
    features &= ~1U;  // no checksum
    std::memcpy(image.data() + 1024 + 8, &features, 4);
    regions = {{1024, 128}, {1024 + 128, 2048}, {1024 + 128, image.size()}};
  } else if (name == "ext4") {
    regions = ext_regions(image, 0, dice);
  } else {
    const std::size_t start = name == "gpt" ? 1 << 20 : 3 << 20;
    if (dice.one_in(2)) regions = ext_regions(image, start, dice);
    regions.push_back({446, 66});
    regions.push_back({512, 92});
    regions.push_back({1024, 256});
    if (image.size() > 512) regions.push_back({image.size() - 512, 512});
    if (name == "kata-dax") regions = {{446, 66}, {4096, 512}, {(2 << 20) + 446, 66}, {start + 1024, 264}};
  }
  const auto changes = 1 + dice.below(6);
  for (std::uint64_t i = 0; i < changes; ++i) change(image, dice.of(regions), dice);
  if (dice.one_in(12)) image.resize(dice.below(image.size() + 1));
  if (dice.one_in(12)) image.resize(image.size() + dice.below(1 << 20));
  return input;
}

Input initrd_input(Dice& dice, const Seeds& seeds) {
  Input input{Kind::image, "an initrd", {}, {}};
  const auto count = 1 + dice.below(3);
  for (std::uint64_t i = 0; i < count; ++i) {
    std::string archive = seeds.at("initrd");
    std::vector<std::size_t> headers;
    for (std::size_t at = archive.find("070701"); at != std::string::npos;
         at = archive.find("070701", at + 6))
      headers.push_back(at);
    const auto changes = dice.below(6);
    for (std::uint64_t j = 0; j < changes && !headers.empty(); ++j) {
      const std::size_t at = dice.of(headers);
      if (dice.one_in(6)) {
        archive[at + dice.below(std::min<std::size_t>(120, archive.size() - at))] =
            static_cast<char>(dice.below(256));
      } else {
        const std::string digits = fmt::format("{:08X}", static_cast<std::uint32_t>(dice.number()));
        archive.replace(at + 6 + 8 * dice.below(13), 8, digits);
      }
    }
    if (dice.one_in(8)) archive.resize(dice.below(archive.size() + 1));
    input.bytes += packed(archive, dice);
    if (dice.one_in(3)) input.bytes += std::string(dice.below(600), '\0');
  }
  return input;
}

}  // namespace cg::hostile
