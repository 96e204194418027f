// `kcheck restore PLACE [-- criu restore …]`: will this checkpoint come back, here or in that root image, and
// with which command?
#pragma once

#include <string>

#include "options.h"

namespace cg {

struct RestoreCommand {
  std::string images;
  std::string root;    // --image: an image file or a directory
  std::string kernel;  // --kernel
  std::string config;  // --config
  std::string cpu;     // --cpu: a cpuinfo.img, a directory with one, or "host"
};

Command restore_command(KcheckOptions& options);

}  // namespace cg
