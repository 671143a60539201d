# MILLRACE_DPDK: the binding to DPDK (backends/dpdk/eal). Without it nothing of DPDK is needed, neither to build nor
# to run; the rest of that path (backends/dpdk, its splice core) is plain C++ and is always built.
option(MILLRACE_DPDK "Build the binding to DPDK: transport dpdk" OFF)

if(MILLRACE_DPDK)
  find_package(PkgConfig REQUIRED)
  pkg_check_modules(DPDK REQUIRED libdpdk)

  # Shared libraries: EAL then loads every driver of Debian's plugin folder by itself when it starts (net_ring,
  # net_af_packet, net_af_xdp, net_tap, net_memif, net_pcap and those of network cards), so none is linked here. With
  # static libraries it would know those only that were linked in whole, and each of them brings its own dependencies.
  add_library(dpdk INTERFACE)
  target_include_directories(dpdk SYSTEM INTERFACE ${DPDK_INCLUDE_DIRS})
  # DPDK's inline functions are written for a processor with SSE4.2, hence its -march; only eal/ is compiled with it.
  list(JOIN DPDK_CFLAGS_OTHER " " flags)
  target_compile_options(dpdk INTERFACE "SHELL:${flags}")
  target_link_directories(dpdk INTERFACE ${DPDK_LIBRARY_DIRS})
  # Only what is called: pkg-config names some sixty libraries.
  target_link_libraries(dpdk INTERFACE rte_ethdev rte_mbuf rte_mempool rte_ring rte_eal)
endif()
