// Hostile inputs from a seed: small valid ones with fields changed where the format has meaning, and one bomb
// for each bound on what input may cost (lib/base/limits.h).
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <random>
#include <string>
#include <string_view>
#include <vector>

namespace cg::hostile {

// What is done with it.
enum class Kind {
  source,  // create --from
  image,   // everything that reads or edits an image
};

struct Input {
  Kind kind = Kind::source;
  std::string what;                          // for messages: the generator and what it did
  std::string bytes;                         // of the file "input"; or, when that is empty,
  std::map<std::string, std::string> files;  // of the directory "input"
};

// Small valid images by name: "ext4", "gpt", "kata-dax", "initrd", "erofs", as the tool makes them.
using Seeds = std::map<std::string, std::string>;

// The input of this number; the same every time. The first ones are the bombs.
Input make_input(unsigned number, const Seeds& seeds);
std::size_t bombs();

class Dice {
 public:
  explicit Dice(unsigned seed) : random_(seed) {}
  std::uint64_t below(std::uint64_t most) { return random_() % most; }
  bool one_in(std::uint64_t times) { return below(times) == 0; }
  template <class T>
  const T& of(const std::vector<T>& all) {
    return all[below(all.size())];
  }
  // A number that some code has not thought of.
  std::uint64_t number();

 private:
  std::mt19937_64 random_;
};

std::string packed(std::string_view bytes, Dice& dice);  // in a compression, or not
Input tar_input(Dice& dice);
Input layout_input(Dice& dice);
Input loader_input(Dice& dice);
std::string random_tar(Dice& dice, unsigned entries);
Input image_input(Dice& dice, const Seeds& seeds);
Input initrd_input(Dice& dice, const Seeds& seeds);

}  // namespace cg::hostile
