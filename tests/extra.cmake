# Programs beside the unit tests and fuzz harnesses.
add_executable(bench_reader bench/bench_reader.c)
target_compile_definitions(bench_reader PRIVATE CORPORA_FOLDER="${CMAKE_SOURCE_DIR}/../shared/corpora")
target_link_libraries(bench_reader PRIVATE reader)
set_target_properties(bench_reader PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/bench)
add_executable(bench_pool bench/bench_pool.c)
target_compile_definitions(bench_pool PRIVATE CORPORA_FOLDER="${CMAKE_SOURCE_DIR}/../shared/corpora"
                           READER_PROGRAM="${CMAKE_BINARY_DIR}/pinwatch-reader")
target_link_libraries(bench_pool PRIVATE steps PkgConfig::DEFLATE)
set_target_properties(bench_pool PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/bench)
add_executable(endurance_logs bench/endurance_logs.c)
target_link_libraries(endurance_logs PRIVATE drill PkgConfig::DEFLATE)
set_target_properties(endurance_logs PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/bench)

# The programs with library calls that can be made to fail, see failing/failing_calls.h. They stand apart from the real ones, under the
# same names, so that a program finds the others beside itself.
file(GLOB failing_calls CONFIGURE_DEPENDS failing/calls/*.c)
# The definitions that stand before libc's must not be those of its checked inline forms.
set_source_files_properties(${failing_calls} PROPERTIES COMPILE_OPTIONS
                            "-U_FORTIFY_SOURCE;-fno-builtin$<$<BOOL:${PINWATCH_SANITIZE}>:;-fno-sanitize=all;-DFAILING_SANITIZED>")
foreach(pair pinwatch:monitor/cli/main.c:cli pinwatch-reader:monitor/reader/main.c:reader pinwatch-monitor:monitor/steps/main.c:steps
        pinwatch-alerts:alerts/main.c:channels pinwatch-drill:monitor/drill/main.c:drill failing_parts:tests/failing/parts.c:steps)
  string(REPLACE ":" ";" pair ${pair})
  list(GET pair 0 name)
  list(GET pair 1 main)
  list(GET pair 2 folder)
  add_executable(failing-${name} ${CMAKE_SOURCE_DIR}/${main} ${failing_calls})
  target_include_directories(failing-${name} PRIVATE ${CMAKE_SOURCE_DIR}/tests)
  target_compile_definitions(failing-${name} PRIVATE TESTS_FOLDER="${CMAKE_SOURCE_DIR}/tests")
  target_link_libraries(failing-${name} PRIVATE ${folder} PkgConfig::CURL PkgConfig::CARES PkgConfig::CYAML PkgConfig::JANSSON PkgConfig::EVENT PkgConfig::PQ PkgConfig::DEFLATE
                        PkgConfig::IDN2 OpenSSL::Crypto ${CMAKE_DL_LIBS})
  set_target_properties(failing-${name} PROPERTIES OUTPUT_NAME ${name} RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/failing)
endforeach()

# The reader after it was taken over, see tools/rogue_reader.c: the real main() with other work.
add_executable(rogue-reader ${CMAKE_SOURCE_DIR}/monitor/reader/main.c tools/rogue_reader.c)
target_include_directories(rogue-reader PRIVATE ${CMAKE_CURRENT_SOURCE_DIR} ${CMAKE_SOURCE_DIR}/monitor)
target_compile_options(rogue-reader PRIVATE -Wno-missing-prototypes)
target_link_options(rogue-reader PRIVATE -Wl,--wrap=reader_act,--wrap=sandbox_enter)
target_link_libraries(rogue-reader PRIVATE reader)
set_target_properties(rogue-reader PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tests)

# The DNS server of the unit tests.
target_sources(test_net_dns_client PRIVATE tools/dns_server.c)

# What the product makes of DNS messages and of CAA records as text, for interop/caa-dnspython.
add_executable(dns_judge tools/dns_judge.c)
target_link_libraries(dns_judge PRIVATE rules)
set_target_properties(dns_judge PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tests)
# How the product records CAA answers and judges by them, for replay/caa-model.
add_executable(caa_judge tools/caa_judge.c)
target_link_libraries(caa_judge PRIVATE rules)
set_target_properties(caa_judge PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tests)
add_executable(bench_dns bench/bench_dns.c)
target_link_libraries(bench_dns PRIVATE net)
set_target_properties(bench_dns PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/bench)
