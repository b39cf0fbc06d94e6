% From EEG epochs to a moving hand: run the chain, read back what it wrote, plot it. For MATLAB and GNU Octave.
%
% The command "neuromotion" plays whole epochs, decodes each of them, and moves a hand for one second by the decoded
% label and a second hand by the true label. It writes all of this to hand_epochs.mat (version 5). Signals are
% generated; with the recordings of the data set add "--source replay --subject S036" and set NEUROMOTION_DATA.
%
% Environment variables: NEUROMOTION, the command; NEUROMOTION_EPOCHS, the number of epochs.

command = getenv('NEUROMOTION');
if isempty(command)
    command = 'neuromotion';
end
count = getenv('NEUROMOTION_EPOCHS');
if isempty(count)
    count = '10';
end
chain = [command ' export NeuroHand-v0 --decoder eeg_cnn_transformer --epochs ' count ' --mat hand_epochs.mat'];
[status, said] = system(chain);
if status ~= 0
    error('The chain failed: %s', said);
end

played = load('hand_epochs.mat');
right = played.true_label == played.decoded_label;
fprintf('%d of %d epochs decoded right, subject %s\n', sum(right), numel(right), played.subject);
classes = numel(played.labels);
counts = accumarray([played.true_label played.decoded_label], 1, [classes classes]);
for row = 1:classes
    fprintf('%s: decoded as %s\n', played.labels{row}, mat2str(counts(row, :)));
end

% The joint that moves most, with both hands, and one channel of the first epoch
[~, joint] = max(max(played.true_joints) - min(played.true_joints));
try
    figure('visible', 'off');
    subplot(2, 1, 1);
    plot((0:size(played.epochs, 3) - 1) / played.rate_hz, squeeze(played.epochs(1, 1, :)));
    xlabel('time in the epoch (s)');
    ylabel([played.channels{1} ' (' played.unit ')']);
    subplot(2, 1, 2);
    plot(played.time_s, played.decoded_joints(:, joint), played.time_s, played.true_joints(:, joint), '--');
    legend('decoded', 'true label');
    xlabel('time (s)');
    ylabel([strrep(played.joints{joint}, '_', ' ') ' (rad)']);
    print('hand_epochs.png', '-dpng');
catch problem % Octave without gnuplot or fonts cannot draw where there is no display
    fprintf('No picture: %s\n', problem.message);
end
