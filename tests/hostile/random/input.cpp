#include "hostile/random/input.h"

#include <fmt/format.h>

#include <span>

#include "compress/encoder.h"
#include "hostile/random/bombs.h"

namespace cg::hostile {

std::uint64_t Dice::number() {
  static constexpr std::uint64_t edges[] = {0,          1,          2,          0x7f,       0x80,
                                            0xff,       0x7fff,     0x8000,     0xffff,     0x10000,
                                            0x7fffffff, 0x80000000, 0xffffffff, 0xfffffffe, 1ULL << 32,
                                            1ULL << 44, 1ULL << 62, INT64_MAX,  1ULL << 63, UINT64_MAX};
  switch (below(4)) {
    case 0:
      return below(300);
    case 1:
      return random_();
    default:
      return edges[below(std::size(edges))];
  }
}

std::string packed(std::string_view bytes, Dice& dice) {
  static const std::vector<Codec> codecs = {Codec::gzip, Codec::zstd, Codec::xz};
  if (!dice.one_in(3)) return std::string(bytes);
  std::string out;
  const auto sink = [&](std::span<const std::byte> piece) -> Result<void> {
    out.append(reinterpret_cast<const char*>(piece.data()), piece.size());
    return {};
  };
  auto encoder = Encoder::make(dice.of(codecs));
  if (!encoder || !(*encoder)->put(std::as_bytes(std::span(bytes)), sink) || !(*encoder)->finish(sink))
    return std::string(bytes);
  if (dice.one_in(3)) out.resize(dice.below(out.size() + 1));
  if (dice.one_in(4) && !out.empty()) out[dice.below(out.size())] = static_cast<char>(dice.below(256));
  return out;
}

std::size_t bombs() {
  return bomb_makers().size();
}

Input make_input(unsigned number, const Seeds& seeds) {
  if (number < bombs()) return bomb_makers()[number].make();
  Dice dice(number);
  switch (number % 8) {
    case 0:
    case 1:
      return tar_input(dice);
    case 2:
      return layout_input(dice);
    case 3:
      return loader_input(dice);
    case 4:
      return initrd_input(dice, seeds);
    default:
      return image_input(dice, seeds);
  }
}

}  // namespace cg::hostile
