// Numbers drawn by lot: the same seed draws the same ones, with every compiler and library.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

namespace cg::random_input {

class Lot {
 public:
  explicit Lot(std::uint64_t seed) : state_(seed * 0x9e3779b97f4a7c15ULL + 1) {}

  std::uint64_t next() {  // splitmix64
    std::uint64_t z = state_ += 0x9e3779b97f4a7c15ULL;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ULL;
    z = (z ^ z >> 27) * 0x94d049bb133111ebULL;
    return z ^ z >> 31;
  }
  std::uint64_t below(std::uint64_t limit) { return limit == 0 ? 0 : next() % limit; }
  bool one_in(std::uint64_t n) { return below(n) == 0; }
  template <typename Container>
  const auto& of(const Container& values) {
    return *(values.begin() + static_cast<std::ptrdiff_t>(below(values.size())));
  }
  template <typename T>
  T of(std::initializer_list<T> values) {
    return *(values.begin() + below(values.size()));
  }
  // The numbers at which code goes wrong, and now and then any.
  std::uint64_t odd_number() {
    const std::uint64_t edge = 1ULL << below(64);
    return of({std::uint64_t{0}, std::uint64_t{1}, edge, edge - 1, edge + 1, ~std::uint64_t{0}, next(),
               below(256)});
  }
  std::string bytes(std::size_t count) {
    std::string all(count, '\0');
    for (char& byte : all) byte = static_cast<char>(next());
    return all;
  }

 private:
  std::uint64_t state_;
};

inline std::string repeated(std::string_view text, std::uint64_t count) {
  std::string all;
  for (std::uint64_t i = 0; i < count; ++i) all += text;
  return all;
}

// A few bytes changed, a piece moved, lost or doubled.
inline void scramble(Lot& lot, std::string& bytes, std::uint64_t times) {
  for (std::uint64_t i = 0; i < times && !bytes.empty(); ++i) {
    const std::size_t at = lot.below(bytes.size());
    const std::size_t count = 1 + lot.below(std::min<std::size_t>(64, bytes.size() - at));
    switch (lot.below(6)) {
      case 0:
        bytes.erase(at, count);
        break;
      case 1:
        bytes.insert(at, bytes.substr(at, count));
        break;
      case 2:
        bytes.replace(at, count, std::string(count, lot.of({'\0', '\xff', '/', '9'})));
        break;
      case 3:
        bytes.replace(at, count, lot.bytes(count));
        break;
      default:
        bytes[at] = static_cast<char>(lot.next());
        break;
    }
  }
}

}  // namespace cg::random_input
