# Completion of camctl and camd for bash.
# Printed by docs/completion*.c and the tables, by `ninja -C build docs`: change those.

_camd_flags() { echo --help --version --print-config --camera --resolution --target-fps --output-dir --session-prefix --keep-session --mode --greeting --no-greeting --auto-start-recording --no-auto-start-recording --config --container --bitrate --intra --encoder --profile --level --preset --threads --enable-csv-timing-log --no-enable-csv-timing-log --segment-length --segment-size --prebuffer --prebuffer-size --trigger-before --trigger-after --stills --stills-every --stills-from --stack-dark-frames --stack-count --recovery-point --export-keep --storage-cap --storage-reserve --keep-for --hflip --no-hflip --vflip --no-vflip --rotation --roi --shutter --gain --ev --awb --brightness --contrast --saturation --sharpness --denoise --autofocus-mode --lens-position --tuning-file --preview-size --preview-fps --show-preview --no-show-preview --jpeg-quality --frame-ring --show-frame-number --no-show-frame-number --overlay-text --overlay-position --overlay-size --font-scale-base --thickness-base --overlay-color --text-color-b --text-color-g --text-color-r --overlay-background --margin-left --line-start-y --overlay-font --discovery-timeout --discovery-retry --start-timeout --stop-timeout --degraded-after --analyze-fps --motion --no-motion --motion-sensitivity --motion-min-area --motion-mask --motion-hold --motion-trigger --no-motion-trigger --motion-before --motion-after --motion-longest --night-mode --dark-threshold --bright-threshold --min-dark-frames --night-exposure --night-gain --timezone --log-level --libcamera-log-level --log-max-size --log-keep --console-output --no-console-output --on-event --hook-limit --hook-timeout --gpio-trigger --gpio-edge --gpio-bias --gpio-debounce --gpio-holdoff --gpio-before --gpio-after --disable-mp4-conversion --resolution-preset --slave --headless --console --no-console --no-config --fps --framerate --width --height --output --preview-preset --preview --no-preview; }

# Those that take the next word along.
_camd_flags_with_value() { echo --camera --resolution --target-fps --output-dir --session-prefix --keep-session --mode --config --container --bitrate --intra --encoder --profile --level --preset --threads --segment-length --segment-size --prebuffer --prebuffer-size --trigger-before --trigger-after --stills --stills-every --stills-from --stack-dark-frames --stack-count --recovery-point --export-keep --storage-cap --storage-reserve --keep-for --rotation --roi --shutter --gain --ev --awb --brightness --contrast --saturation --sharpness --denoise --autofocus-mode --lens-position --tuning-file --preview-size --preview-fps --jpeg-quality --frame-ring --overlay-text --overlay-position --overlay-size --font-scale-base --thickness-base --overlay-color --text-color-b --text-color-g --text-color-r --overlay-background --margin-left --line-start-y --overlay-font --discovery-timeout --discovery-retry --start-timeout --stop-timeout --degraded-after --analyze-fps --motion-sensitivity --motion-min-area --motion-mask --motion-hold --motion-before --motion-after --motion-longest --night-mode --dark-threshold --bright-threshold --min-dark-frames --night-exposure --night-gain --timezone --log-level --libcamera-log-level --log-max-size --log-keep --on-event --hook-limit --hook-timeout --gpio-trigger --gpio-edge --gpio-bias --gpio-debounce --gpio-holdoff --gpio-before --gpio-after --resolution-preset --fps --framerate --width --height --output --preview-preset; }

# Names of settings, each with $1 behind it.
_camd_settings() {
    printf "%s$1 " camera resolution target_fps output_dir session_prefix keep_session mode greeting auto_start_recording config container bitrate intra encoder profile level preset threads enable_csv_timing_log segment_length segment_size prebuffer prebuffer_size trigger_before trigger_after stills stills_every stills_from stack_dark_frames stack_count recovery_point export_keep storage_cap storage_reserve keep_for hflip vflip rotation roi shutter gain ev awb brightness contrast saturation sharpness denoise autofocus_mode lens_position tuning_file preview_size preview_fps show_preview jpeg_quality frame_ring show_frame_number overlay_text overlay_position overlay_size font_scale_base thickness_base overlay_color text_color_b text_color_g text_color_r overlay_background margin_left line_start_y overlay_font discovery_timeout discovery_retry start_timeout stop_timeout degraded_after analyze_fps motion motion_sensitivity motion_min_area motion_mask motion_hold motion_trigger motion_before motion_after motion_longest night_mode dark_threshold bright_threshold min_dark_frames night_exposure night_gain timezone log_level libcamera_log_level log_max_size log_keep console_output on_event hook_limit hook_timeout gpio_trigger gpio_edge gpio_bias gpio_debounce gpio_holdoff gpio_before gpio_after
}

_camd_events() { echo '*' camera_found camera_lost camera_degraded motion_started motion_ended night_started night_ended encoder_changed frames_lost recording_started recording_stopped segment_finished trigger_saved mark storage_full storage_slow recording_deleted recovered warning job_progress job_done events_lost presence; }

# What the value of flag $1 can be.
_camd_values() {
    case $1 in
    --camera) echo synthetic file: v4l2:/dev/video libcamera: ;;
    --resolution) echo 0 1 2 3 4 5 6 7 1456x1088 1280x960 1280x720 1024x768 800x600 640x480 480x360 320x240 ;;
    --output-dir) echo @directories ;;
    --keep-session) echo always used ;;
    --mode) echo slave headless interactive ;;
    --config) echo @files ;;
    --container) echo mp4 h264 ;;
    --encoder) echo auto m2m software ;;
    --profile) echo auto baseline main high ;;
    --level) echo auto 1 1.1 1.2 1.3 2 2.1 2.2 3 3.1 3.2 4 4.1 4.2 5 5.1 5.2 6 6.1 6.2 ;;
    --preset) echo ultrafast superfast veryfast faster fast medium slow ;;
    --stills) echo none jpg png npy npy_bgr ;;
    --stills-from) echo clip ring ;;
    --stack-dark-frames) echo off mean sum ;;
    --rotation) echo 0 180 ;;
    --awb) echo default auto incandescent tungsten fluorescent indoor daylight cloudy custom ;;
    --denoise) echo auto off cdn_off cdn_fast cdn_hq ;;
    --autofocus-mode) echo default manual auto continuous ;;
    --tuning-file) echo @files ;;
    --preview-size) echo 0 1 2 3 4 5 6 7 1456x1088 1280x960 1280x720 1024x768 800x600 640x480 480x360 320x240 ;;
    --overlay-position) echo top_left top top_right bottom_left bottom bottom_right ;;
    --overlay-font) echo @files ;;
    --night-mode) echo off still slow_video ;;
    --timezone) echo local utc ;;
    --log-level) echo error warning info debug ;;
    --libcamera-log-level) echo DEBUG INFO WARN ERROR FATAL ;;
    --gpio-edge) echo rising falling both ;;
    --gpio-bias) echo as_is pull_up pull_down disabled ;;
    --resolution-preset) echo 0 1 2 3 4 5 6 7 1456x1088 1280x960 1280x720 1024x768 800x600 640x480 480x360 320x240 ;;
    --width) echo 0 1 2 3 4 5 6 7 1456x1088 1280x960 1280x720 1024x768 800x600 640x480 480x360 320x240 ;;
    --height) echo 0 1 2 3 4 5 6 7 1456x1088 1280x960 1280x720 1024x768 800x600 640x480 480x360 320x240 ;;
    --output) echo @files ;;
    --preview-preset) echo 0 1 2 3 4 5 6 7 1456x1088 1280x960 1280x720 1024x768 800x600 640x480 480x360 320x240 ;;
    esac
}

_camctl_own_flags() { echo --json --no-json --timeout --socket --mode --slave --no-slave --headless --no-headless --picture --help --no-help --version --no-version; }

_camctl_subcommands() { echo record slave doctor report verify import script check-lines help start_recording stop_recording take_snapshot get_status toggle_preview quit ping wait describe list_cameras get_config set_config subscribe unsubscribe set_controls set_camera set_overlay new_session remux trigger mark export cancel list_recordings protect unprotect delete_recording frame_tap sync; }

# Flags that take the next word along, before a sub-command.
_camctl_flags_with_value() { _camd_flags_with_value; echo --timeout --socket --mode --picture; }

# What the value of flag $1 can be.
_camctl_values() {
    case $1 in
    --socket) echo @files ;;
    --mode) echo interactive slave headless ;;
    --picture) echo auto window kitty sixel characters none ;;
    --report) echo @files ;;
    --session) echo @files ;;
    --svg) echo @files ;;
    --file) echo @files ;;
    --format) echo jpg png npy npy_bgr ;;
    --stacking) echo mean sum ;;
    --size) echo 0 1 2 3 4 5 6 7 1456x1088 1280x960 1280x720 1024x768 800x600 640x480 480x360 320x240 ;;
    --position) echo top_left top top_right bottom_left bottom bottom_right ;;
    --file) echo @files ;;
    --overlap) echo extend own ;;
    --stills) echo none jpg png npy npy_bgr ;;
    --stills-from) echo clip ring ;;
    --size) echo 0 1 2 3 4 5 6 7 1456x1088 1280x960 1280x720 1024x768 800x600 640x480 480x360 320x240 ;;
    --format) echo grey bgr yuv420 ;;
    *) _camd_values "$1" ;;
    esac
}

# Flags of sub-command $1.
_camctl_flags_of() {
    case $1 in
    record) echo --seconds --camera-id ;;
    doctor) echo --board --no-board --seconds --report ;;
    report) echo --session --svg ;;
    verify) echo --files --decode --no-decode ;;
    import) echo --file ;;
    start_recording) echo --camera-id --duration ;;
    stop_recording) echo --camera-id ;;
    take_snapshot) echo --camera-id --format --stack --stacking --ring ;;
    toggle_preview) echo --camera-id --enabled --no-enabled --size --fps --quality ;;
    wait) echo --seconds ;;
    get_config) echo --names ;;
    set_config) echo --values ;;
    subscribe) echo --events ;;
    unsubscribe) echo --events ;;
    set_controls) echo --camera-id --controls ;;
    set_camera) echo --camera-id --enabled --no-enabled ;;
    set_overlay) echo --camera-id --text --size --position --color --background --enabled --no-enabled ;;
    new_session) echo --label ;;
    remux) echo --file ;;
    trigger) echo --camera-id --before --after --label --overlap --stills --stills-every --stills-from ;;
    mark) echo --camera-id --label ;;
    export) echo --camera-id --from --to --precise --no-precise --label ;;
    cancel) echo --job ;;
    list_recordings) echo --camera-id --session --from --to --protected --no-protected --offset --limit ;;
    protect) echo --file ;;
    unprotect) echo --file ;;
    delete_recording) echo --file ;;
    frame_tap) echo --camera-id --size --rate --format --stop --no-stop ;;
    esac
}

# What the words of sub-command $1 can be.
_camctl_words_of() {
    case $1 in
    help) _camctl_subcommands ;;
    script | check-lines) echo @files ;;
    report) echo @files ;;
    import) echo @files ;;
    get_config) _camd_settings ;;
    set_config) _camd_settings = ;;
    subscribe) _camd_events ;;
    unsubscribe) _camd_events ;;
    remux) echo @files ;;
    esac
}

# The sub-command among the words before the one under the cursor; a flag's value is none.
_camctl_subcommand() {
    local i word before=
    for ((i = 1; i < COMP_CWORD; i++)); do
        word=${COMP_WORDS[i]}
        if [[ " $(_camctl_subcommands) " == *" $word "* && " $(_camctl_flags_with_value) " != *" $before "* && $before != = ]]; then
            echo "$word"
            return
        fi
        before=$word
    done
}

_camctl() {
    local cur=${COMP_WORDS[COMP_CWORD]} flag=${COMP_WORDS[COMP_CWORD - 1]} words= subcommand=
    COMPREPLY=()
    # bash takes --flag=value and KIND:WHAT apart
    [[ $cur == = || $cur == : ]] && { flag=$cur; cur=; }
    if [[ $flag == : ]]; then
        case ${COMP_WORDS[COMP_CWORD - (${#cur} ? 2 : 1)]}${COMP_WORDS[COMP_CWORD - (${#cur} ? 3 : 2)]} in
        *v4l2*) compopt -o filenames 2>/dev/null; mapfile -t COMPREPLY < <(compgen -f -- "${cur:-/dev/video}") ;;
        *file*) compopt -o filenames 2>/dev/null; mapfile -t COMPREPLY < <(compgen -f -- "$cur") ;;
        esac
        return
    fi
    [[ $flag == = ]] && flag=${COMP_WORDS[COMP_CWORD - (${#cur} ? 2 : 1)]}
    words=$(_camctl_values "$flag")
    if [[ ${1##*/} == camctl ]]; then
        subcommand=$(_camctl_subcommand)
    fi
    if [[ -z $words && " $(_camctl_flags_with_value) " == *" $flag "* ]]; then
        return
    elif [[ -z $words && $cur == -* && ${1##*/} == camctl ]]; then
        words="$(_camctl_own_flags) $(_camd_flags) $(_camctl_flags_of "$subcommand")"
    elif [[ -z $words && $cur == -* ]]; then
        words=$(_camd_flags)
    elif [[ -z $words && -n $subcommand ]]; then
        words=$(_camctl_words_of "$subcommand")
    elif [[ -z $words && ${1##*/} == camctl ]]; then
        words=$(_camctl_subcommands)
    fi
    case $words in
    @files) compopt -o filenames 2>/dev/null; mapfile -t COMPREPLY < <(compgen -f -- "$cur") ;;
    @directories) compopt -o filenames 2>/dev/null; mapfile -t COMPREPLY < <(compgen -d -- "$cur") ;;
    *) mapfile -t COMPREPLY < <(compgen -W "$words" -- "$cur") ;;
    esac
    # behind what needs more, no space
    [[ ${#COMPREPLY[@]} == 1 && ${COMPREPLY[0]} == *[:=] ]] && compopt -o nospace 2>/dev/null
    return 0
}

complete -F _camctl camctl camd
