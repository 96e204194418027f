// Things that a task can hold whose number, size and state are drawn by lot.
#pragma once

#include <cstdint>
#include <random>
#include <string>
#include <vector>

namespace cg::lab {

// The same numbers for the same seed, whatever the library.
class Dice {
 public:
  explicit Dice(std::uint64_t seed) : engine_(seed) {}
  std::uint64_t below(std::uint64_t end) { return engine_() % end; }
  bool one_in(std::uint64_t of) { return below(of) == 0; }

 private:
  std::mt19937_64 engine_;
};

// One thing that can be held by lot.
struct Chance {
  const char* name;
  void (*hold)(Dice&);
};
std::vector<Chance> chances_of_sockets();
std::vector<Chance> chances_of_files();
std::vector<Chance> chances_of_life();

std::vector<std::string> chances();
// Throws as any holding does. False: no such name.
bool hold_by_chance(const std::string& name, std::uint64_t seed);

}  // namespace cg::lab
